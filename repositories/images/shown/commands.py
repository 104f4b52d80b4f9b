"""The commands that fetch an image. Pure."""

from dataclasses import dataclass

from django.conf import settings

from repositories.images.artifacts import HELM_CONFIG, OLLAMA, layers_of
from repositories.images.models import Manifest, ManifestKind


@dataclass(frozen=True, slots=True)
class Command:
    """How one tool gets it. `by_tag` is empty for an image by digest, `by_digest` where a tool knows no digests.

    `is_command`: to be typed; else a line of a file.
    """

    key: str
    tool: str
    by_tag: str
    by_digest: str
    is_command: bool = True


def pull_command(manifest: Manifest, full_name: str, tag: str, host: str) -> str:
    """The one line that fetches a tag; docker's, unless it is no image."""
    name = f"{host}/{full_name}"
    if manifest.kind != ManifestKind.ARTIFACT:
        return f"docker pull {name}" if tag == "latest" else f"docker pull {name}:{tag}"
    if manifest.artifact_type == HELM_CONFIG:
        return f"helm pull oci://{name} --version {tag}{_plain('--plain-http')}"
    return f"oras pull {name}:{tag}{_plain('--plain-http')}"


def pull_commands(manifest: Manifest, full_name: str, tag: str, host: str) -> list[Command]:
    """For each tool, by tag (if there is one) and by digest. Reads the column `layers`."""
    name, digest = f"{host}/{full_name}", f"@{manifest.digest}"
    label = f":{tag}" if tag else ""
    if any(str(layer.get("media_type", "")).startswith(OLLAMA) for layer in layers_of(manifest)):
        ollama = Command("ollama", "Ollama", _tagged(f"ollama pull {name}", label, _plain("--insecure")), "")
        return [ollama, _oras(name, label, digest)]
    if manifest.kind == ManifestKind.ARTIFACT:
        return _of_artifact(manifest, name, tag, digest)
    return _of_image(name, label, digest)


def _of_artifact(manifest: Manifest, name: str, tag: str, digest: str) -> list[Command]:
    oras = _oras(name, f":{tag}" if tag else "", digest)
    if manifest.artifact_type != HELM_CONFIG:
        return [oras]
    by_tag = f"helm pull oci://{name} --version {tag}{_plain('--plain-http')}" if tag else ""
    return [Command("helm", "Helm", by_tag, ""), oras]


def _oras(name: str, label: str, digest: str) -> Command:
    plain = _plain("--plain-http")
    return Command("oras", "ORAS", _tagged(f"oras pull {name}", label, plain), f"oras pull {name}{digest}{plain}")


def _of_image(name: str, label: str, digest: str) -> list[Command]:
    podman = f"podman pull{_plain('--tls-verify=false')} {name}"
    nerdctl = f"nerdctl{_plain('--insecure-registry')} pull {name}"
    skopeo = f"skopeo copy{_plain('--src-tls-verify=false')} docker://{name}"
    folder = f" oci:image{label}"
    return [
        Command("docker", "Docker", _tagged(f"docker pull {name}", label), f"docker pull {name}{digest}"),
        Command("podman", "Podman", _tagged(podman, label), f"{podman}{digest}"),
        Command("nerdctl", "nerdctl", _tagged(nerdctl, label), f"{nerdctl}{digest}"),
        Command("skopeo", "Skopeo", _tagged(skopeo, label, folder), f"{skopeo}{digest} oci:image"),
        Command(
            "kubernetes", "Kubernetes", _tagged(f"image: {name}", label), f"image: {name}{digest}", is_command=False
        ),
        Command("crictl", "crictl", _tagged(f"crictl pull {name}", label), f"crictl pull {name}{digest}"),
    ]


def _tagged(before: str, label: str, after: str = "") -> str:
    """Empty without a tag."""
    return f"{before}{label}{after}" if label else ""


def _plain(option: str) -> str:
    """Tools other than docker ask for TLS on loopback, too."""
    return "" if settings.TLS else f" {option}"
