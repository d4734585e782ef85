"""Finding products by text: features, embeddings and attributes of images, the model, the index."""
