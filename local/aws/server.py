"""The server process of the local AWS: moto for the user and for the jobs, and the credentials endpoint of the jobs."""

import contextlib
import errno
import io
import json
import logging
import logging.handlers
import os
import resource
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import docker.errors
from moto import backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from local import inbox
from local.aws import batch, budgets, cloudwatch_logs, credentials, ec2, ecr, iam, s3, sns, sts
from local.aws.authorization import requests
from local.aws.batch.forms import operation_of
from local.aws.calls import Application, Environ, logged, service_of
from local.aws.config import RECLAIM_PATH, Config
from local.errors import LocalError

#: Maximum time, in seconds, to end. `local.stack.lifecycle` kills the process after that.
_END_SECONDS = 14

#: Services whose calls run one after the other.
_SERIAL_SERVICES = ("ec2", "iam")

#: Paths that moto adds to AWS: its own interface, and a metadata service that hands out credentials.
_MOTO_PATHS = ("/moto-api", "/latest/")

_REMEDIES = {
    errno.EACCES: "Run as root, or allow it to all: sysctl net.ipv4.ip_unprivileged_port_start=80",
    errno.EADDRINUSE: "Stop the program that listens there.",
    errno.EADDRNOTAVAIL: "The jobs' network is not up: run `make local-down`, then `make local-up`.",
}

_LOG_BYTES = 10 * 2**20

_log = logging.getLogger("local.aws")

#: Environment variables for moto.
SETTINGS = {
    "MOTO_ACCOUNT_ID": DEFAULT_ACCOUNT_ID,
    # Roles use policies that AWS manages.
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    # No instance is ever launched here, and loading the AMIs takes a second.
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    # Larger objects, in bytes, are read block by block while they are sent.
    "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(2**18),
}


class _Handler(MotoRequestHandler):
    """The request handler of moto, without its log, since `calls` logs every call."""

    protocol_version = "HTTP/1.1"
    # Header and body are sent as two packets. With Nagle's algorithm the second would wait.
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Logs nothing, because the path can contain the signature of a presigned URL."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Logs errors of the connection."""
        _log.warning(message, *args)


def run(config: Config) -> None:
    """Serves until SIGTERM or SIGINT, then ends the jobs and returns within 15 seconds.

    Raises:
        LocalError: if an address is in use or does not exist, or the Docker engine does not answer.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    # A job or a call that does not end must not keep the process alive.
    deadline = threading.Timer(_END_SECONDS, os._exit, (1,))
    deadline.daemon = True
    with contextlib.ExitStack() as stack:
        stack.callback(deadline.cancel)
        user = stack.enter_context(_listening("127.0.0.1", config.port))
        jobs = stack.enter_context(_listening(config.gateway, config.port))
        agent = stack.enter_context(_listening(config.gateway, credentials.PORT))
        _prepare(config)
        patch_moto(config.registry)
        stack.enter_context(s3.kept_in(config.data_dir / "s3"))
        try:
            running = batch.install(config, credentials.issue)
        except docker.errors.DockerException as error:
            raise LocalError(f"no Docker engine answers at {config.docker_host}: {error}") from None
        aws = application()
        stack.enter_context(serving(for_user(aws, running.reclaim), user))
        stack.enter_context(serving(for_jobs(aws), jobs))
        stack.enter_context(serving(logged(credentials.application, paths=False), agent))
        _log.info("serving on port %d of 127.0.0.1 and %s", config.port, config.gateway)
        ended.wait()
        _log.info("ending the jobs")
        deadline.start()
        # The server still answers here, because jobs can upload while they end.
        running.stop()


def patch_moto(registry: str, replace: Callable[[type, str, Any], None] = setattr) -> None:
    """Patches moto in this process where it differs from AWS.

    Args:
        registry: `host:port` of the image registry behind ECR.
        replace: sets an attribute of a class. A test passes a function that it can undo.
    """
    ecr.install(registry, replace)
    sts.install(replace)
    # moto searches its own folders at each call.
    modules = tuple(backends.list_of_moto_modules())
    replace(cast(Any, backends), "list_of_moto_modules", lambda: modules)
    for patches in (ec2.PATCHES, iam.PATCHES, cloudwatch_logs.PATCHES, s3.PATCHES, budgets.PATCHES, sns.PATCHES):
        patches.install(replace)


def application() -> Application:
    """All of AWS as one application, for a process in which moto is patched and `SETTINGS` are in the environment."""
    moto = DomainDispatcherApplication(create_backend_app)
    turn = threading.Lock()

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _read_body(environ):
            start_response("400 Bad Request", [("Content-Length", "0")])
            return []
        _check_path(environ)
        requests.check(environ)
        # For these services moto iterates over collections that a concurrent call can change, and Pulumi sends many calls at once.
        with turn if service_of(environ) in _SERIAL_SERVICES else contextlib.nullcontext():
            return cast(Iterable[bytes], moto(environ, start_response))

    return logged(serve)


def _check_path(environ: Environ) -> None:
    """Refuses an operation of Batch that this version does not know. moto would answer with an HTML page, which SDKs cannot read.

    Raises:
        NotImplementedError: for such an operation.
    """
    path = str(environ["PATH_INFO"])
    if service_of(environ) == "batch" and not path.startswith("/v1/tags/arn:") and operation_of(path) is None:
        raise NotImplementedError(path)


def _read_body(environ: Environ) -> bool:
    """Reads the whole body of a call at once. werkzeug would read it in pieces and copy it twice. Returns False if it is incomplete."""
    length = environ.get("CONTENT_LENGTH")
    if not length or environ.get("wsgi.input_terminated"):
        return True
    try:
        body = environ["wsgi.input"].read(int(length))
    except OSError:
        return False
    environ["wsgi.input"], environ["wsgi.input_terminated"] = io.BytesIO(body), True
    return len(body) == int(length)


def for_user(application: Application, reclaim: Callable[[list[str]], dict[str, Any]]) -> Application:
    """AWS with the path by which `python -m local reclaim` takes a machine from its jobs.

    Args:
        application: AWS.
        reclaim: takes the ids of jobs, and returns what to answer.
    """

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != RECLAIM_PATH:
            return application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = json.dumps(reclaim(json.loads(body))).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    return serve


def for_jobs(application: Application) -> Application:
    """AWS without the paths that moto adds, through which a job could assume any role or reset the local AWS."""

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if str(environ["PATH_INFO"]).startswith(_MOTO_PATHS):
            start_response("403 Forbidden", [("Content-Length", "0")])
            return []
        return application(environ, start_response)

    return serve


@contextlib.contextmanager
def serving(application: Application, listener: socket.socket) -> Iterator[None]:
    """Serves an application until the block ends. Each call runs in a thread."""
    host, port = listener.getsockname()[:2]
    server = make_server(host, port, application, threaded=True, request_handler=_Handler, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def _listening(address: str, port: int) -> socket.socket:
    try:
        return socket.create_server((address, port), backlog=128)
    except OSError as error:
        number = error.errno or 0
        remedy = _REMEDIES.get(number, "")
        raise LocalError(f"cannot listen on {address}:{port}: {os.strerror(number)}. {remedy}".rstrip()) from None


def _prepare(config: Config) -> None:
    os.environ.update(SETTINGS)
    config.data_dir.mkdir(parents=True, exist_ok=True)
    config.log_file.parent.mkdir(parents=True, exist_ok=True)
    log = logging.handlers.RotatingFileHandler(config.log_file, maxBytes=_LOG_BYTES, backupCount=1)
    logging.basicConfig(handlers=[log], level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True)
    # Temporary files vanish with the stack, and are on the same disk as its objects.
    tempfile.tempdir = str(config.data_dir)
    sns.Inbox.path = config.data_dir / inbox.PATH.name
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
