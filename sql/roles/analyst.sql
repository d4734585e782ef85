-- A role that reads the warehouse and can change nothing in it.
--
-- Run it by psql, as the owner of the catalog's tables, in the catalog's database:
--     psql -d lake -v role=analyst -f sql/roles/analyst.sql
-- Then give the role a password: \password analyst
-- Analysts also need to read the Parquet files: docs/security.md shows a policy for the bucket.

\set ON_ERROR_STOP on
\if :{?role}
\else
    \set role analyst
\endif

BEGIN;
CREATE ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT;
GRANT CONNECT ON DATABASE :"DBNAME" TO :"role";
GRANT USAGE ON SCHEMA public TO :"role";
-- Before PostgreSQL 15 everybody could make tables here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"role";
-- A new table of the warehouse can bring a new table of the catalog.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO :"role";
-- A slip is refused early; that nothing can be written is what the missing grants see to.
ALTER ROLE :"role" SET default_transaction_read_only = on;
COMMIT;
