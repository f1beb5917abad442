#!/bin/sh
# Run once by the postgres image, on an empty volume: a role and a database for each of the two.
# Ours may create roles (migrations do) and is no superuser: row-level security binds it.
set -eu
export SECRETS="${SECRETS:-/run/secrets}"
psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "${POSTGRES_USER:-postgres}" \
  --dbname "${POSTGRES_DB:-postgres}" <<'SQL'
\set rapidflow `cat "$SECRETS/rapidflow_database_password"`
\set evolution `cat "$SECRETS/evolution_database_password"`
CREATE ROLE rapidflow LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD :'rapidflow';
CREATE ROLE evolution LOGIN NOSUPERUSER PASSWORD :'evolution';
CREATE DATABASE rapidflow OWNER rapidflow;
CREATE DATABASE evolution OWNER evolution;
REVOKE CONNECT ON DATABASE rapidflow, evolution FROM PUBLIC;
SQL
