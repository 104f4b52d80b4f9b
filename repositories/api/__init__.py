"""The API of repositories, stars and comments."""
