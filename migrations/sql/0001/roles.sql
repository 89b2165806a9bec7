-- The embedded cluster has these already; a server of one's own gets them here if its user may create roles.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quietude_app') THEN
        CREATE ROLE quietude_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'quietude_app' AND (rolsuper OR rolbypassrls)) THEN
        RAISE EXCEPTION 'role quietude_app must be neither superuser nor BYPASSRLS';
    END IF;
    IF NOT pg_has_role(current_user, 'quietude_app', 'MEMBER') THEN
        EXECUTE format('GRANT quietude_app TO %I', current_user);
    END IF;
END $$;
CREATE EXTENSION IF NOT EXISTS postgis;
