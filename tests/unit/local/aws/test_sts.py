"""The identity of the caller shows that the local stack is not an account."""

from tests.unit.local.aws.conftest import LocalAws


def test_the_caller_in_a_local_shell_has_the_name_of_the_local_stack(aws: LocalAws) -> None:
    caller = aws.client("sts").get_caller_identity()
    assert caller["Arn"] == "arn:aws:iam::123456789012:user/biobatch-local"
    assert caller["Account"] == "123456789012"


def test_keys_of_a_user_give_the_name_of_the_user(aws: LocalAws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    caller = aws.client(
        "sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    ).get_caller_identity()
    assert caller["Arn"] == "arn:aws:iam::123456789012:user/ada"
