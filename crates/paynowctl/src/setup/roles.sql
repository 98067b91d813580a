-- Roles belong to the whole cluster, so a setup of another database may be making them right now:
-- what comes of that race is no error here, and `setup` looks afterwards whether all is there.
-- No passwords: whoever runs the cluster decides how the logins prove who they are.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'paynow_owner') THEN
        CREATE ROLE paynow_owner NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
    NULL;
END $$;

-- Owns the function that adds entries up to balances, and nothing else may write a balance.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'paynow_ledger') THEN
        CREATE ROLE paynow_ledger NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
    NULL;
END $$;

-- For the worker; for whoever only looks; for game backends, which may call `spend` and read wallets; for
-- the people at the desk, by way of `paynowctl`.
DO $$
DECLARE
    login text;
BEGIN
    FOREACH login IN ARRAY
        ARRAY['paynow_worker', 'paynow_reader', 'paynow_spender', 'paynow_operator']
    LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
                EXECUTE format('CREATE ROLE %I LOGIN', login);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
            NULL;
        END;
    END LOOP;
END $$;

-- For the console: its login has no right but to sessions, and acts as one of these for a person who is signed in.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY
        ARRAY['paynow_console_viewer', 'paynow_console_support', 'paynow_console_operator',
              'paynow_console_approver', 'paynow_console_admin', 'paynow_console']
    LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I %s', role,
                    CASE role WHEN 'paynow_console' THEN 'LOGIN NOINHERIT' ELSE 'NOLOGIN' END);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
            NULL;
        END;
    END LOOP;
END $$;

DO $$
DECLARE
    member record;
BEGIN
    FOR member IN SELECT * FROM (VALUES
        ('paynow_reader', 'paynow_console_viewer'),
        ('paynow_console_viewer', 'paynow_console_support'),
        ('paynow_console_support', 'paynow_console_operator'),
        ('paynow_console_support', 'paynow_console_approver'),
        ('paynow_console_viewer', 'paynow_console'),
        ('paynow_console_support', 'paynow_console'),
        ('paynow_console_operator', 'paynow_console'),
        ('paynow_console_approver', 'paynow_console'),
        ('paynow_console_admin', 'paynow_console')) AS wanted (role, of)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_auth_members
            WHERE roleid = member.role::regrole AND pg_auth_members.member = member.of::regrole)
        THEN
            EXECUTE format('GRANT %I TO %I', member.role, member.of);
        END IF;
    END LOOP;
EXCEPTION WHEN undefined_object OR unique_violation OR internal_error THEN
    NULL;
END $$;

-- An operator reads what a reader reads; who may act as the owner, `setup`'s login, may work at the desk
-- too; and the migrations, which run as the owner, give a function to `paynow_ledger`.
DO $$
BEGIN
    IF NOT pg_has_role('paynow_operator', 'paynow_reader', 'MEMBER') THEN
        GRANT paynow_reader TO paynow_operator;
    END IF;
    IF NOT pg_has_role('paynow_owner', 'paynow_operator', 'MEMBER') THEN
        GRANT paynow_operator TO paynow_owner;
    END IF;
    IF NOT pg_has_role('paynow_owner', 'paynow_ledger', 'MEMBER') THEN
        GRANT paynow_ledger TO paynow_owner;
    END IF;
EXCEPTION WHEN undefined_object OR unique_violation OR internal_error THEN
    NULL;
END $$;

-- The migrations run as the owner. A superuser may do so anyway.
DO $$
BEGIN
    -- The same login may be setting up another database.
    IF NOT pg_has_role(current_user, 'paynow_owner',
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    THEN
        GRANT paynow_owner TO CURRENT_USER;
    END IF;
EXCEPTION WHEN undefined_object OR unique_violation OR internal_error THEN
    NULL;
END $$;

-- Only the owner of the database may grant these rights.
DO $$
BEGIN
    IF NOT (has_schema_privilege('paynow_owner', 'public', 'CREATE')
        AND has_schema_privilege('paynow_ledger', 'public', 'CREATE')
        AND has_schema_privilege('paynow_worker', 'public', 'USAGE')
        AND has_schema_privilege('paynow_reader', 'public', 'USAGE')
        AND has_schema_privilege('paynow_spender', 'public', 'USAGE')
        AND has_schema_privilege('paynow_operator', 'public', 'USAGE')
        AND has_schema_privilege('paynow_console', 'public', 'USAGE')
        AND has_schema_privilege('paynow_console_admin', 'public', 'USAGE'))
    THEN
        -- A function can be given only to a role that could have made it here.
        GRANT CREATE, USAGE ON SCHEMA public TO paynow_owner, paynow_ledger;
        GRANT USAGE ON SCHEMA public
            TO paynow_worker, paynow_reader, paynow_spender, paynow_operator, paynow_console,
                paynow_console_admin;
    END IF;
EXCEPTION WHEN undefined_object OR internal_error THEN
    NULL;
END $$;
