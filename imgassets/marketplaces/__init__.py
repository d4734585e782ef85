"""What marketplaces demand of product images: rules as data, and every image judged by them."""
