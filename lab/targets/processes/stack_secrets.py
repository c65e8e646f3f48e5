"""Makes the secrets of a stack: who may use its store, and who may call its services."""

import secrets
from typing import Final

from lab.files import OWNERS_FILE, OWNERS_FOLDER, write_text
from lab.targets.processes.folder import StackFolder
from services.contracts.store_keys import NAMESPACE
from services.contracts.store_users import USERS, users_file

SECRET_BYTES: Final = 32


def make_secrets(folder: StackFolder, *, namespace: str = NAMESPACE) -> None:
    """Write a new token, and a new password for every user of the store; only this user of the machine may read them.

    Args:
        folder: Folder of the stack, which exists.
        namespace: The namespace of the store's keys.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.secrets.mkdir(exist_ok=True, mode=OWNERS_FOLDER)
    passwords = {user: secrets.token_urlsafe(SECRET_BYTES) for user in USERS}
    for user, password in passwords.items():
        write_text(folder.password_of(user), password, mode=OWNERS_FILE)
    write_text(folder.store_users, users_file(passwords, namespace=namespace), mode=OWNERS_FILE)
    write_text(folder.token, secrets.token_urlsafe(SECRET_BYTES), mode=OWNERS_FILE)
