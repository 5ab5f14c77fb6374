"""The local AWS as one process: moto's server for the user and for the jobs, and the credentials of the jobs' roles."""

import contextlib
import errno
import io
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

from local.aws import batch, cloudwatch_logs, credentials, ec2, ecr, iam, s3, sts
from local.aws.calls import Application, Environ, logged, service_of
from local.aws.config import Config
from local.errors import LocalError

#: Seconds that the end may take; `local.stack.lifecycle` kills what takes longer.
_END_SECONDS = 14

#: Services whose calls are taken one after the other.
_IN_TURN = ("ec2", "iam")

#: Paths of moto's own: its interface, and a metadata service that hands out credentials.
_OWN_DOORS = ("/moto-api", "/latest/")

_REMEDIES = {
    errno.EACCES: "Run as root, or allow it to all: sysctl net.ipv4.ip_unprivileged_port_start=80",
    errno.EADDRINUSE: "Stop the program that listens there.",
    errno.EADDRNOTAVAIL: "The jobs' network is not up: run `make local-down`, then `make local-up`.",
}

_LOG_BYTES = 10 * 2**20

_log = logging.getLogger("local.aws")

#: What moto reads from its environment.
SETTINGS = {
    "MOTO_ACCOUNT_ID": DEFAULT_ACCOUNT_ID,
    # Roles attach AWS's own policies.
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    # Nothing here launches a machine, and they take a second to load.
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    # Bytes of an object above which it lies in a file; moto's own 5 MiB fill the memory with the versions that a bucket keeps.
    "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(2**18),
}


class _Handler(MotoRequestHandler):
    """Requests as moto wants them, and no second log beside that of the calls."""

    protocol_version = "HTTP/1.1"
    # Head and body go in two packets, which would wait for each other.
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: the path would show the signatures of presigned URLs."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Passes faults of the connection on."""
        _log.warning(message, *args)


def run(config: Config) -> None:
    """Serves until SIGTERM or SIGINT; then ends the jobs and returns, within 15 seconds.

    Raises:
        LocalError: if an address is taken or not there, or the Docker engine does not answer.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    # A job or a call that does not end must not keep the process.
    deadline = threading.Timer(_END_SECONDS, os._exit, (1,))
    deadline.daemon = True
    with contextlib.ExitStack() as stack:
        stack.callback(deadline.cancel)
        user = stack.enter_context(_listening("127.0.0.1", config.port))
        jobs = stack.enter_context(_listening(config.gateway, config.port))
        agent = stack.enter_context(_listening(config.gateway, credentials.PORT))
        _prepare(config)
        patch_moto(config.registry)
        try:
            running = batch.install(config, credentials.issue)
        except docker.errors.DockerException as error:
            raise LocalError(f"no Docker engine answers at {config.docker_host}: {error}") from None
        aws = application()
        stack.enter_context(serving(aws, user))
        stack.enter_context(serving(for_jobs(aws), jobs))
        stack.enter_context(serving(logged(credentials.application, paths=False), agent))
        _log.info("serving on port %d of 127.0.0.1 and %s", config.port, config.gateway)
        ended.wait()
        _log.info("ending the jobs")
        deadline.start()
        # Still serving: jobs may upload while they end.
        running.stop()


def patch_moto(registry: str, replace: Callable[[type, str, Any], None] = setattr) -> None:
    """Mends moto in this process where it is not as AWS is.

    Args:
        registry: `host:port` of the image registry behind ECR.
        replace: sets an attribute of a class; a test's own can be undone.
    """
    ecr.install(registry, replace)
    sts.install(replace)
    # moto looks through its own folders at each call.
    modules = tuple(backends.list_of_moto_modules())
    replace(cast(Any, backends), "list_of_moto_modules", lambda: modules)
    for patches in (ec2.PATCHES, iam.PATCHES, cloudwatch_logs.PATCHES, s3.PATCHES):
        patches.install(replace)


def application() -> Application:
    """All of AWS as one application, for a process in which moto is patched and `SETTINGS` are in the environment."""
    moto = DomainDispatcherApplication(create_backend_app)
    turn = threading.Lock()

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _read_body(environ):
            start_response("400 Bad Request", [("Content-Length", "0")])
            return []
        # Here moto walks through what another call may be changing; Pulumi sends many at once.
        with turn if service_of(environ) in _IN_TURN else contextlib.nullcontext():
            return cast(Iterable[bytes], moto(environ, start_response))

    return logged(serve)


def _read_body(environ: Environ) -> bool:
    """Reads a call's body in one go, where werkzeug would gather it piece by piece and copy it twice; False if it broke off."""
    length = environ.get("CONTENT_LENGTH")
    if not length or environ.get("wsgi.input_terminated"):
        return True
    try:
        body = environ["wsgi.input"].read(int(length))
    except OSError:
        return False
    environ["wsgi.input"], environ["wsgi.input_terminated"] = io.BytesIO(body), True
    return len(body) == int(length)


def for_jobs(application: Application) -> Application:
    """AWS without moto's own doors, by which a job could take any role or empty the whole AWS."""

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if str(environ["PATH_INFO"]).startswith(_OWN_DOORS):
            start_response("403 Forbidden", [("Content-Length", "0")])
            return []
        return application(environ, start_response)

    return serve


@contextlib.contextmanager
def serving(application: Application, listener: socket.socket) -> Iterator[None]:
    """Serves an application, each call in a thread of its own, until the block ends."""
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
    # Larger objects go to files here, which have no name and so vanish with the process; each stays open.
    tempfile.tempdir = str(config.data_dir)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
