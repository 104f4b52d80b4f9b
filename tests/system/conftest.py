"""Tests against the real product: every process, started by bin/run, with real clients.

    def test_pushed_tag_is_listed(product, layout):
        alice = product.signup("alice-tags")        # past the pages; 1.5 s, so one for a module if you can
        image = make_image(layout, platforms=2)  # from tests.system.product; random without a text
        product.push(layout, "alice-tags/app:1.0", alice)
        assert product.get("/v2/...", auth=...).json() == ...

`product` is one for the whole run, tests/browser included, so:

- take names of your own (`product.signup("alice-<your file>")`), and count nothing that others may have made;
- a test that kills something (`product.kill("web")`) ends with `product.wait_ready()`;
- a test that needs another installation makes one: `Product(tmp_path / "data").start()`, and stops it.

`product` has: url, host, port, data; get/request (HTTP through the door), token, skopeo, push; signup; manage, shell;
mails(to=…); settings, redis(); pid_of, pids, kill, wait_ready, stop, start, restart; output (what bin/run printed).
`docker` is a dockerd with `run(*arguments, user=…, stdin=…, check=…)` and `load(image, name)`. `wait_until(function)`
of tests.system.product polls. The receiver of webhooks is tests/system/receiver.py.
"""

from tests.system.fixtures import docker, layout, product

__all__ = ["docker", "layout", "product"]
