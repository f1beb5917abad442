-- may_not_read --
-- Tables and sequences the engine cannot read yet; the login role, which owns them, lets it.
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, format('%%I.%%I', n.nspname, c.relname)
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'S')
   AND NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(%(role)s, c.oid, 'SELECT')
                          ELSE has_table_privilege(%(role)s, c.oid, 'SELECT') END;

-- hidden --
-- Protected tables of which the engine does not see every row: a dump would leave some out in silence.
SELECT c.relname
  FROM pg_class AS c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relrowsecurity
   AND NOT EXISTS (SELECT FROM pg_policy AS p
                    WHERE p.polrelid = c.oid AND p.polcmd IN ('*', 'r')
                      AND %(role)s::regrole::oid = ANY (p.polroles)
                      AND pg_get_expr(p.polqual, p.polrelid) = 'true');

-- tables --
SELECT relname FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
 ORDER BY relname;

-- others --
-- Other RapidFlow processes at work in this database.
SELECT application_name, count(*)
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'rapidflow-%'
 GROUP BY application_name
 ORDER BY application_name;

-- drop_all --
-- Everything of ours: what is restored next brings its own.
DO $drop$
DECLARE
  statement text;
BEGIN
  FOR statement IN
    SELECT format('DROP TABLE IF EXISTS %s CASCADE', c.oid::regclass) FROM pg_class AS c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND pg_has_role(current_user, c.relowner, 'USAGE')
  LOOP
    EXECUTE statement;
  END LOOP;
  FOR statement IN
    SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure) FROM pg_proc AS p
     WHERE p.pronamespace = 'public'::regnamespace AND pg_has_role(current_user, p.proowner, 'USAGE')
       AND NOT EXISTS (SELECT FROM pg_depend AS d
                        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE statement;
  END LOOP;
END
$drop$;
