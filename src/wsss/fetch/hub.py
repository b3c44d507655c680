"""Networks on the hub of Hugging Face."""

from pathlib import Path

from wsss.config.licences import CARD
from wsss.errors import UserError

_FILES = ["*.json", "*.safetensors", CARD]


def fetch_network(name: str, key: str) -> Path:
    """Return the folder of a network of the hub, from its cache or fetched.

    Args:
        name: `<owner>/<network>`, and maybe `@<revision>`.
        key: key of the configuration that names it, for messages.

    Raises:
        UserError: there is none of this name, or the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download  # a second, for those who want it

    network, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(network, revision=revision or None, allow_patterns=_FILES))
    except Exception as error:  # its client fails in many ways
        reason = str(error).strip().partition("\n")[0]
        raise UserError(
            f"{key}: cannot fetch {name} ({reason}): no folder of this name, and not to be had "
            "from the hub; fetch config.json and model.safetensors elsewhere and name their folder"
        ) from None
