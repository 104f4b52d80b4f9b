"""One process that readies database and static files and makes the first superuser: three starts of Django would cost
two seconds more at every start of the product."""

import hashlib
import sys
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def main() -> None:
    django.setup()
    call_command("migrate", interactive=False, verbosity=0, stdout=sys.stderr)
    _collect_static()
    call_command("create_first_superuser")


def _collect_static() -> None:
    """Collects and compresses the static files, if one of them changed since the last time."""
    digest = hashlib.sha256(settings.VERSION.encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            state = Path(storage.path(name)).stat()
            digest.update(f"{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT, ".collected")
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        call_command("collectstatic", interactive=False, clear=True, verbosity=0, stdout=sys.stderr)
        stamp.write_text(digest.hexdigest())


if __name__ == "__main__":
    main()
