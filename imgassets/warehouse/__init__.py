"""The warehouse: table contracts, the DuckLake connection and atomic partition replacement."""
