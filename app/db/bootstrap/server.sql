-- The two roles of the product, in an embedded cluster; both may sign in through the socket only.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quietude_app') THEN
        CREATE ROLE quietude_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quietude_owner') THEN
        CREATE ROLE quietude_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE IN ROLE quietude_app;
    END IF;
END $$;
