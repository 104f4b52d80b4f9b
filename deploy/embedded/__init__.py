"""The whole product on one machine: what bin/run starts.

`bootstrap` and `packages` prepare what is missing and need nothing but the standard library; the rest runs in the
virtual environment. See deploy/README.md.
"""
