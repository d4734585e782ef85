"""Marketplaces: images judged by what Google, Amazon and Walmart demand."""
