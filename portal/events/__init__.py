"""Whatever happens is one row: who, with which credential, from where, what, old and new."""
