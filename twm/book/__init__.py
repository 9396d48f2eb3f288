"""The book: claims list, notebooks and site."""
