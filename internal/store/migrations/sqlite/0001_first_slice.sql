-- +goose Up
CREATE TABLE centre (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, seat TEXT NOT NULL, seat_seen INTEGER NOT NULL,
  phone TEXT NOT NULL, regions TEXT NOT NULL
) STRICT;
CREATE TABLE province (
  sigla TEXT PRIMARY KEY, istat TEXT NOT NULL, name TEXT NOT NULL, region TEXT NOT NULL,
  centre TEXT NOT NULL, district TEXT NOT NULL, seen INTEGER NOT NULL
) STRICT;
CREATE TABLE body (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, second_name TEXT NOT NULL,
  search TEXT NOT NULL, belfiore TEXT NOT NULL, istat TEXT NOT NULL, ipa TEXT NOT NULL,
  province TEXT NOT NULL, region TEXT NOT NULL, centre TEXT NOT NULL, population INTEGER NOT NULL,
  pec TEXT NOT NULL, until TEXT NOT NULL, into_body TEXT NOT NULL, active INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX body_belfiore ON body (belfiore) WHERE belfiore <> '';
CREATE INDEX body_name ON body (name, id);
CREATE INDEX body_centre ON body (centre, active, name, id);
CREATE TABLE network (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, prefix TEXT NOT NULL, low TEXT NOT NULL, high TEXT NOT NULL,
  bits INTEGER NOT NULL, note TEXT NOT NULL, added INTEGER NOT NULL, UNIQUE (body, prefix)
) STRICT;
CREATE INDEX network_range ON network (low, high);
CREATE TABLE domain (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, name TEXT NOT NULL, added INTEGER NOT NULL, UNIQUE (body, name)
) STRICT;
CREATE TABLE contact (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, person TEXT NOT NULL, duty TEXT NOT NULL, channel TEXT NOT NULL,
  value TEXT NOT NULL, deputy INTEGER NOT NULL, verified INTEGER NOT NULL
) STRICT;
CREATE INDEX contact_body ON contact (body);
CREATE TABLE holding (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, search TEXT NOT NULL,
  UNIQUE (body, kind, name)
) STRICT;
CREATE INDEX holding_search ON holding (search, body);
CREATE TABLE delegation (
  id TEXT PRIMARY KEY, operator TEXT NOT NULL, body TEXT NOT NULL, scope TEXT NOT NULL,
  from_day TEXT NOT NULL, until_day TEXT NOT NULL
) STRICT;
CREATE INDEX delegation_operator ON delegation (operator);
CREATE INDEX delegation_body ON delegation (body);

CREATE TABLE agreement (
  id TEXT PRIMARY KEY, level TEXT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, region TEXT NOT NULL,
  centre TEXT NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL, clauses TEXT NOT NULL, renewal TEXT NOT NULL,
  months INTEGER NOT NULL, notice_days INTEGER NOT NULL, office TEXT NOT NULL, person TEXT NOT NULL,
  resolution TEXT NOT NULL, resolved TEXT NOT NULL, signed TEXT NOT NULL, start_day TEXT NOT NULL,
  term INTEGER NOT NULL, term_end TEXT NOT NULL, withdrawn TEXT NOT NULL, notice_of TEXT NOT NULL,
  exercise INTEGER NOT NULL, version INTEGER NOT NULL, created INTEGER NOT NULL
) STRICT;
CREATE INDEX agreement_body ON agreement (body, state);
CREATE INDEX agreement_centre ON agreement (centre, state);
CREATE TABLE agreement_event (
  id TEXT PRIMARY KEY, agreement TEXT NOT NULL REFERENCES agreement, state TEXT NOT NULL, day TEXT NOT NULL,
  recorded INTEGER NOT NULL, person TEXT NOT NULL, by_name TEXT NOT NULL, note TEXT NOT NULL
) STRICT;
CREATE INDEX agreement_event_of ON agreement_event (agreement, id);
CREATE TABLE agreement_document (
  id TEXT PRIMARY KEY, agreement TEXT NOT NULL REFERENCES agreement, name TEXT NOT NULL, size INTEGER NOT NULL,
  sha256 TEXT NOT NULL, added INTEGER NOT NULL, by_name TEXT NOT NULL
) STRICT;

CREATE TABLE report (
  id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, body TEXT NOT NULL, centre TEXT NOT NULL,
  direction TEXT NOT NULL, how TEXT NOT NULL, kind TEXT NOT NULL, signs TEXT NOT NULL, happening INTEGER NOT NULL,
  title TEXT NOT NULL, text TEXT NOT NULL, services TEXT NOT NULL, began INTEGER NOT NULL, known INTEGER NOT NULL,
  deeds TEXT NOT NULL, caller TEXT NOT NULL, state TEXT NOT NULL, open INTEGER NOT NULL,
  priority TEXT NOT NULL, rank INTEGER NOT NULL,
  severity TEXT NOT NULL, level INTEGER NOT NULL, tlp TEXT NOT NULL, confidence TEXT NOT NULL, taxonomy TEXT NOT NULL,
  exercise INTEGER NOT NULL, author TEXT NOT NULL, author_name TEXT NOT NULL, taken_by TEXT NOT NULL,
  taken_name TEXT NOT NULL, taken_at INTEGER NOT NULL, due INTEGER NOT NULL, reminded INTEGER NOT NULL,
  escalated INTEGER NOT NULL, closed_at INTEGER NOT NULL, result TEXT NOT NULL, finding TEXT NOT NULL,
  alert TEXT NOT NULL, step INTEGER NOT NULL, version INTEGER NOT NULL, created INTEGER NOT NULL, sent INTEGER NOT NULL
) STRICT;
-- The queue reads in the order in which it must be worked: one index per seat.
CREATE INDEX report_queue_centre ON report (centre, rank, due, id) WHERE open;
CREATE INDEX report_queue_all ON report (rank, due, id) WHERE open;
CREATE INDEX report_due ON report (due) WHERE state = 'ricevuta';
CREATE INDEX report_body ON report (body, id);
CREATE INDEX report_body_open ON report (body, rank, due, id) WHERE open;
CREATE INDEX report_centre ON report (centre, id);
CREATE TABLE report_event (
  id TEXT PRIMARY KEY, report TEXT NOT NULL REFERENCES report, kind TEXT NOT NULL, at INTEGER NOT NULL,
  recorded INTEGER NOT NULL, person TEXT NOT NULL, by_name TEXT NOT NULL, police INTEGER NOT NULL,
  private INTEGER NOT NULL, text TEXT NOT NULL, answers TEXT NOT NULL, open INTEGER NOT NULL
) STRICT;
CREATE INDEX report_event_of ON report_event (report, id);
CREATE TABLE report_observable (
  id TEXT PRIMARY KEY, report TEXT NOT NULL REFERENCES report, kind TEXT NOT NULL, value TEXT NOT NULL,
  role TEXT NOT NULL, added INTEGER NOT NULL
) STRICT;
CREATE INDEX report_observable_of ON report_observable (report, id);
CREATE INDEX report_observable_value ON report_observable (value, report);
CREATE TABLE report_file (
  id TEXT PRIMARY KEY, report TEXT NOT NULL REFERENCES report, name TEXT NOT NULL, size INTEGER NOT NULL,
  sha256 TEXT NOT NULL, by_name TEXT NOT NULL, added INTEGER NOT NULL
) STRICT;
CREATE INDEX report_file_of ON report_file (report, id);
-- Sealed content in pieces, so that any node serves it and no row is large.
CREATE TABLE blob (
  id TEXT NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (id, n)
) STRICT;

CREATE TABLE alert (
  id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, centre TEXT NOT NULL, author TEXT NOT NULL, author_name TEXT NOT NULL,
  report TEXT NOT NULL, title TEXT NOT NULL, what TEXT NOT NULL, advice TEXT NOT NULL, tlp TEXT NOT NULL,
  priority TEXT NOT NULL, confidence TEXT NOT NULL, audience TEXT NOT NULL, state TEXT NOT NULL,
  exercise INTEGER NOT NULL, deadline INTEGER NOT NULL, created INTEGER NOT NULL, published INTEGER NOT NULL,
  ended INTEGER NOT NULL, reason TEXT NOT NULL, version INTEGER NOT NULL
) STRICT;
CREATE INDEX alert_centre ON alert (centre, id);
CREATE TABLE alert_recipient (
  alert TEXT NOT NULL REFERENCES alert, body TEXT NOT NULL, centre TEXT NOT NULL, why TEXT NOT NULL, sent INTEGER NOT NULL,
  opened INTEGER NOT NULL, pre TEXT NOT NULL, pre_at INTEGER NOT NULL, pre_seen INTEGER NOT NULL, pre_from INTEGER NOT NULL,
  pre_logs INTEGER NOT NULL, answer TEXT NOT NULL, answered INTEGER NOT NULL, by_name TEXT NOT NULL, note TEXT NOT NULL,
  report TEXT NOT NULL, reminded INTEGER NOT NULL, PRIMARY KEY (alert, body)
) STRICT;
CREATE INDEX alert_recipient_body ON alert_recipient (body, alert);
CREATE INDEX alert_recipient_centre ON alert_recipient (centre, alert);
CREATE INDEX alert_recipient_waiting ON alert_recipient (body, alert) WHERE answer = '';
CREATE TABLE indicator (
  id TEXT PRIMARY KEY, alert TEXT NOT NULL REFERENCES alert, centre TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
  tlp TEXT NOT NULL, confidence TEXT NOT NULL, state TEXT NOT NULL, valid_from INTEGER NOT NULL,
  valid_until INTEGER NOT NULL, recalled_at INTEGER NOT NULL, reason TEXT NOT NULL, exercise INTEGER NOT NULL,
  UNIQUE (alert, kind, value)
) STRICT;
CREATE INDEX indicator_value ON indicator (value);
CREATE TABLE sighting (
  indicator TEXT NOT NULL REFERENCES indicator, body TEXT NOT NULL, centre TEXT NOT NULL, agent TEXT NOT NULL, back INTEGER NOT NULL,
  count INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, log TEXT NOT NULL,
  PRIMARY KEY (indicator, agent, back)
) STRICT;

-- The log of changes: seq is assigned under one lock at commit, so that a
-- reader who saw seq n never meets a smaller one later.
CREATE TABLE change (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, alert TEXT NOT NULL, body TEXT NOT NULL, payload TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE INDEX change_alert ON change (alert, seq) WHERE alert <> '';
CREATE INDEX change_body ON change (body, seq) WHERE body <> '';

CREATE TABLE agent (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, centre TEXT NOT NULL, host TEXT NOT NULL, system TEXT NOT NULL,
  version TEXT NOT NULL, serial TEXT NOT NULL, not_after INTEGER NOT NULL, enrolled INTEGER NOT NULL, by_name TEXT NOT NULL,
  revoked INTEGER NOT NULL, revoked_by TEXT NOT NULL, last_seen INTEGER NOT NULL, seq INTEGER NOT NULL,
  applied INTEGER NOT NULL, clock_offset INTEGER NOT NULL, status TEXT NOT NULL
) STRICT;
CREATE INDEX agent_body ON agent (body, id);
CREATE INDEX agent_centre ON agent (centre, last_seen, id);
CREATE TABLE enrolment (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, by_name TEXT NOT NULL, created INTEGER NOT NULL,
  expires INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT;
CREATE TABLE agent_settings (body TEXT PRIMARY KEY, settings TEXT NOT NULL) STRICT;

CREATE TABLE finding (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, centre TEXT NOT NULL, agent TEXT NOT NULL, key TEXT NOT NULL,
  rule TEXT NOT NULL, severity TEXT NOT NULL, outcome TEXT NOT NULL, source_ip TEXT NOT NULL, count INTEGER NOT NULL,
  first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, detail TEXT NOT NULL, state TEXT NOT NULL, report TEXT NOT NULL,
  recorded INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (agent, key)
) STRICT;
CREATE INDEX finding_body ON finding (body, updated, id);
CREATE INDEX finding_centre ON finding (centre, updated, id);

CREATE TABLE audit (
  id TEXT PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL,
  body TEXT NOT NULL, centre TEXT NOT NULL, noun TEXT NOT NULL, object TEXT NOT NULL
) STRICT;
CREATE INDEX audit_object ON audit (object, id);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- +goose Down
-- Migrations only go forward.
