"""How passwords are hashed. Owns: the parameters of Argon2id."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """The second choice of RFC 9106 §4 (64 MiB, three passes, four lanes): the first takes 2 GiB for each log-in."""

    time_cost = 3
    memory_cost = 65_536      # KiB
    parallelism = 4
