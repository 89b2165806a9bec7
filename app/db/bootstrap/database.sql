-- PostGIS is installed by the superuser of the cluster; after an update of its package, its objects follow.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'postgis') THEN
        CREATE EXTENSION postgis;
    ELSIF EXISTS (
        SELECT FROM pg_available_extensions WHERE name = 'postgis' AND installed_version <> default_version) THEN
        ALTER EXTENSION postgis UPDATE;
    END IF;
END $$;
