"""The commands of docs/before-the-first-up.md, run as printed in an account that holds nothing yet."""

import re
from pathlib import Path

from local.paths import ROOT, VENV_BIN
from tests.docs import readme

TEXT = (ROOT / "docs" / "before-the-first-up.md").read_text()

#: moto knows no quotas of EC2, so the AWS CLI checks these commands and answers them by itself.
AWS = f"""#!/bin/sh
[ "$1" = service-quotas ] && set -- "$@" --generate-cli-skeleton output
exec {VENV_BIN}/aws "$@"
"""


def test_every_command_before_the_first_up_works_in_an_empty_account(
    empty_account: dict[str, str], tmp_path: Path
) -> None:
    clone = readme.clone(tmp_path)
    (clone / "trust.json").write_text(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    shell = {**empty_account, "PATH": f"{tmp_path}:{empty_account['PATH']}", "PULUMI_HOME": str(tmp_path / "pulumi")}
    # It is where the guide logs in to, not where we say.
    del shell["PULUMI_BACKEND_URL"]
    for commands in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL):
        readme.run(commands, clone, shell)
