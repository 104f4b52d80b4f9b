"""Repositories, stars, comments, and who may do what with them."""
