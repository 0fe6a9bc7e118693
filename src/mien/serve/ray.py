"""The same application under Ray Serve, for a cluster: ``mien serve --engine ray``.

Joins the cluster that ``RAY_ADDRESS`` names, else starts one on this machine. The models and the
token's file are looked for on every node under the same paths.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves this machine

import ray
from ray import serve as ray_serve
from ray.serve.config import HTTPOptions, ProxyLocation

from mien.core.errors import ConfigError
from mien.serve.purposes import check_purpose
from mien.serve.server import Place, to_stderr, told
from mien.serve.settings import ServeSettings
from mien.serve.tokens import read_token

_NAME = "mien"


def serve(settings: ServeSettings, place: Place, say: Callable[[str], None] | None = None) -> None:
    """Serves until the process is told to stop, then answers what was taken.

    Args:
        settings: what the service is for, and what it takes.
        place: where it listens; ``workers`` is the number of replicas.
        say: takes the lines for whoever starts it; None writes them to standard error.

    Raises:
        ConfigError: the purpose is refused, or no port is named.
    """
    check_purpose(settings.purpose)
    if place.port == 0:
        raise ConfigError("Ray Serve cannot look for a free port: name one with --port.")
    token = read_token(settings.token_file)
    logging = {"enable_access_log": False, "log_level": "WARNING"}
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # Ray has just set handlers of its own
        signal.signal(number, lambda *_: stop.set())
    try:
        ray_serve.start(ProxyLocation.EveryNode, _http(place), logging_config=logging)
        ray_serve.run(
            application(settings, place.workers, place.grace),
            name=_NAME,
            logging_config=logging,
        )
        for line in told(settings, place, place.port, token):
            (say or to_stderr)(line)
        stop.wait()
        ray_serve.shutdown()
    finally:
        ray.shutdown()


def application(settings: ServeSettings, replicas: int, grace: float) -> Any:
    """Returns what Ray Serve deploys: the application of `mien.serve.app`, built on each replica.

    Args:
        settings: what the service is for, and what it takes.
        replicas: how many of it.
        grace: seconds that a stop waits for answers under way.
    """

    def build() -> Any:
        from mien.serve.app import create

        return create(settings)

    held = settings.limits.queue
    deployment = ray_serve.deployment(
        ray_serve.ingress(build)(),
        name=_NAME,
        num_replicas=replicas,
        # More than the queue holds: what is too much is refused by the application, not kept.
        max_ongoing_requests=2 * held,
        max_queued_requests=held,
        graceful_shutdown_timeout_s=grace,
    )
    return deployment.bind()


def _http(place: Place) -> HTTPOptions:
    return HTTPOptions(
        host=place.host,
        port=place.port,
        ssl_certfile=place.tls_cert and str(place.tls_cert),
        ssl_keyfile=place.tls_key and str(place.tls_key),
    )
