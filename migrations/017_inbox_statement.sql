-- depends: 016_people_and_numbers
-- A webhook is stored by one statement, which names its tenant itself: no transaction around it.
CREATE FUNCTION store_event(tenant bigint, instance bigint, kind text, known_as text, said jsonb)
RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config('app.tenant', tenant::text, true);
  INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)
  VALUES (tenant, instance, kind, known_as, said)
      ON CONFLICT (tenant_id, instance_id, dedupe_key) DO NOTHING;
  RETURN FOUND;
END
$$;
