#!/bin/bash
# Configures Docker before it starts, on machines whose jobs can be containers of engines (see user_data.py).
set -euo pipefail

# No program of a container gets more rights than the container's user. Batch has no such option for a job. Without it, a job that runs as
# the jobs' uid could become root: a definition can mount a folder of the machine, filled by an earlier job, over /etc, and `su` believes the
# passwords there. No condition of a policy bars such a mount. Root can then mount and change the machine's own files.
settings=/etc/docker/daemon.json
mkdir -p "${settings%/*}"
if [[ ! -s $settings || $(tr -d '[:space:]' < "$settings") == '{}' ]]; then
    echo '{"no-new-privileges": true}' > "$settings"
elif ! grep -q no-new-privileges "$settings"; then
    # The machine image has settings of its own. ECS's has none.
    sed -i '0,/{/s//{"no-new-privileges": true, /' "$settings"
fi
