"""SNS: subscriptions by e-mail, whose e-mails go to a file."""

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from moto.sns.models import SNSBackend, Subscription, Topic

from local import inbox
from local.aws.patches import Patches

PATCHES = Patches()

#: The subject of a message that has none. EventBridge never sets one (API PutTargets has no parameter for it).
NO_SUBJECT = "AWS Notification Message"


class Inbox:
    """Where the e-mails go. Without a path, they are dropped."""

    path: Path | None = None


def _mail(topic: Topic, recipient: str, subject: str, text: str) -> None:
    if Inbox.path:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        sender = f"{topic.display_name or 'AWS Notifications'} <no-reply@sns.amazonaws.com>"
        inbox.add(inbox.Mail(time=now, sender=sender, recipient=recipient, subject=subject, text=text), Inbox.path)


@PATCHES.replaces(SNSBackend.subscribe)
def ask_for_confirmation(
    original: Callable[..., Subscription], self: SNSBackend, topic_arn: str, endpoint: str, protocol: str
) -> Subscription:
    """Sends the e-mail with the link that confirms a new subscription. The local AWS delivers notices without it."""
    known = set(self.subscriptions)
    subscription = original(self, topic_arn, endpoint, protocol)
    if protocol == "email" and subscription.arn not in known:
        text = (
            f"You have chosen to subscribe to the topic:\n{topic_arn}\n\n"
            "On AWS, this e-mail contains a link that confirms the subscription. Notices come only after someone has opened it."
        )
        _mail(subscription.topic, endpoint, "AWS Notification - Subscription Confirmation", text)
    return subscription


@PATCHES.replaces(Subscription.publish)
def send_mail(
    original: Callable[..., None],
    self: Subscription,
    message: str,
    message_id: str,
    subject: str | None = None,
    **rest: Any,
) -> None:
    """Puts a message for an e-mail address into the inbox. moto drops such messages."""
    original(self, message, message_id, subject=subject, **rest)
    if self.protocol == "email":
        _mail(self.topic, self.endpoint, subject or NO_SUBJECT, message)
