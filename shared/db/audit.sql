-- record --
INSERT INTO audit_log (tenant_id, actor, action, subject, detail)
VALUES (%(tenant_id)s, %(actor)s, %(action)s, %(subject)s, %(detail)s);
