"""Questions to AWS that wait where the network or the credentials fail. A run goes on without its client, so the client has no reason to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from botocore import exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as UnreachableError

from biobatch import aws as aws_clients
from biobatch.aws import Aws
from biobatch.refusal import Refused

T = TypeVar("T")

#: Seconds before the question is asked again: at first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0

_NETWORK = (HTTPClientError, UnreachableError, IncompleteReadError)

_CREDENTIALS = (
    *(NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ProfileNotFound),
    *(NoAuthTokenError, TokenRetrievalError, SSOError),
    # Of `aws login`, which older versions of botocore do not know.
    *([exceptions.LoginError] if hasattr(exceptions, "LoginError") else []),
)

#: Codes of AWS for credentials that are no longer valid (AWS APIs, "Common errors").
_CREDENTIAL_CODES = (
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "TokenRefreshRequired",
)

#: Codes of AWS for a service that does not answer at the moment.
_BUSY_CODES = (
    "Throttling",
    "TooManyRequests",
    "RequestLimitExceeded",
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "InternalFailure",
)


class Link:
    """Asks AWS, and asks again while the network, the service or the credentials fail.

    Args:
        aws: the clients.
        connect: makes new clients. A session of the AWS SDK reads credentials once, so only new clients find those that the user renewed.
        say: tells the user once what failed, what to do, and when it is over.
        wait: passes so many seconds.
    """

    def __init__(
        self,
        aws: Aws,
        connect: Callable[[], Aws],
        say: Callable[[str], None] = print,
        wait: Callable[[float], None] = lambda seconds: time.sleep(seconds),
    ) -> None:
        self.aws = aws
        self.say = say
        self.wait = wait
        self._connect = connect

    def ask(self, question: Callable[[Aws], T]) -> T:
        """The answer to a question, which may take as long as the network is down.

        Raises:
            ClientError: if AWS refuses the question for another reason.
            BotoCoreError: if it cannot be asked for another reason.
        """
        pause, said = _FIRST_PAUSE, ""
        while True:
            try:
                answer = question(self.aws)
            except (ClientError, BotoCoreError) as error:
                what = _passing(error)
                if not what:
                    raise
                if what != said:
                    self.say(what)
                    said = what
                self.wait(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
                if _needs_credentials(error):
                    self._reconnect()
            else:
                if said:
                    self.say("AWS answers again.")
                return answer

    def _reconnect(self) -> None:
        try:
            self.aws = self._connect()
        except (Refused, BotoCoreError):
            # The next question says again what is wrong.
            return


def _needs_credentials(error: ClientError | BotoCoreError) -> bool:
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        return "Expired" in code or code in _CREDENTIAL_CODES
    return isinstance(error, _CREDENTIALS)


def _passing(error: ClientError | BotoCoreError) -> str:
    """What failed and what to do, for an error that can pass. Empty for another one."""
    if _needs_credentials(error):
        if aws_clients.has_keys():
            remedy = "They come from AWS_ACCESS_KEY_ID, which this process cannot read again. Press Ctrl-C, set new ones, and watch the run again"
        else:
            profile = aws_clients.chosen_profile()
            remedy = f"Renew them in another terminal, and this goes on: aws sso login{f' --profile {profile}' if profile else ''}"
        return f"AWS does not accept your credentials any more. The jobs go on. {remedy}."
    if isinstance(error, _NETWORK):
        return "AWS is out of reach. The jobs go on. Check this machine's network. This goes on when AWS answers."
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or error.response["Error"]["Code"].startswith(_BUSY_CODES):
            return f"AWS does not answer at the moment ({error.response['Error']['Code']}). The jobs go on. This goes on when AWS answers."
    return ""
