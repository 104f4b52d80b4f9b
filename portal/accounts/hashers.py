"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id as OWASP's password storage cheat sheet asks: 19 MiB, two passes, one lane; 19 ms here.

    Django's own figures (100 MiB, eight lanes) cost ten times that and as much memory for each docker login.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
