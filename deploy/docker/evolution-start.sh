#!/bin/bash
# Evolution reads secrets from its environment only: take them from the files, then start as its
# image does.
set -euo pipefail
secrets="${SECRETS:-/run/secrets}"
AUTHENTICATION_API_KEY="$(cat "$secrets/evolution_api_key")"
DATABASE_CONNECTION_URI="$(cat "$secrets/evolution_database_url")"
export AUTHENTICATION_API_KEY DATABASE_CONNECTION_URI
cd /evolution
set +eu
. ./Docker/scripts/deploy_database.sh
exec npm run start:prod
