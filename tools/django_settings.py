"""Django's settings as a module, for mypy's plugin and for writing migrations: nothing is stored with them."""

import tempfile
from pathlib import Path

from stationmaster.store.config import StoreConfig, django_settings
from stationmaster.vault.keyring import generate

globals().update(django_settings(StoreConfig(Path(tempfile.gettempdir()), generate())))
