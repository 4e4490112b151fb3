-- +goose Up
CREATE TABLE centre (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, seat TEXT NOT NULL, seat_seen BOOLEAN NOT NULL,
  phone TEXT NOT NULL, regions TEXT NOT NULL
);
CREATE TABLE province (
  sigla TEXT PRIMARY KEY, istat TEXT NOT NULL, name TEXT NOT NULL, region TEXT NOT NULL,
  centre TEXT NOT NULL, district TEXT NOT NULL, seen BOOLEAN NOT NULL
);
CREATE TABLE body (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, second_name TEXT NOT NULL,
  search TEXT NOT NULL, belfiore TEXT NOT NULL, istat TEXT NOT NULL, ipa TEXT NOT NULL,
  province TEXT NOT NULL, region TEXT NOT NULL, centre TEXT NOT NULL, population BIGINT NOT NULL,
  pec TEXT NOT NULL, until TEXT NOT NULL, into_body TEXT NOT NULL, active BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX body_belfiore ON body (belfiore) WHERE belfiore <> '';
CREATE INDEX body_name ON body (name, id);
CREATE INDEX body_centre ON body (centre, active, name, id);
CREATE TABLE network (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, prefix TEXT NOT NULL, low TEXT NOT NULL, high TEXT NOT NULL,
  bits BIGINT NOT NULL, note TEXT NOT NULL, added BIGINT NOT NULL, UNIQUE (body, prefix)
);
CREATE INDEX network_range ON network (low, high);
CREATE TABLE domain (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, name TEXT NOT NULL, added BIGINT NOT NULL, UNIQUE (body, name)
);
CREATE TABLE contact (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, person TEXT NOT NULL, duty TEXT NOT NULL, channel TEXT NOT NULL,
  value TEXT NOT NULL, deputy BOOLEAN NOT NULL, verified BIGINT NOT NULL
);
CREATE INDEX contact_body ON contact (body);
CREATE TABLE holding (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, search TEXT NOT NULL,
  UNIQUE (body, kind, name)
);
CREATE INDEX holding_search ON holding (search, body);
CREATE TABLE delegation (
  id TEXT PRIMARY KEY, operator TEXT NOT NULL, body TEXT NOT NULL, scope TEXT NOT NULL,
  from_day TEXT NOT NULL, until_day TEXT NOT NULL
);
CREATE INDEX delegation_operator ON delegation (operator);
CREATE INDEX delegation_body ON delegation (body);

CREATE TABLE agreement (
  id TEXT PRIMARY KEY, level TEXT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, region TEXT NOT NULL,
  centre TEXT NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL, clauses TEXT NOT NULL, renewal TEXT NOT NULL,
  months BIGINT NOT NULL, notice_days BIGINT NOT NULL, office TEXT NOT NULL, person TEXT NOT NULL,
  resolution TEXT NOT NULL, resolved TEXT NOT NULL, signed TEXT NOT NULL, start_day TEXT NOT NULL,
  term BIGINT NOT NULL, term_end TEXT NOT NULL, withdrawn TEXT NOT NULL, notice_of TEXT NOT NULL,
  exercise BOOLEAN NOT NULL, version BIGINT NOT NULL, created BIGINT NOT NULL
);
CREATE INDEX agreement_body ON agreement (body, state);
CREATE INDEX agreement_centre ON agreement (centre, state);
CREATE TABLE agreement_event (
  id TEXT PRIMARY KEY, agreement TEXT NOT NULL REFERENCES agreement, state TEXT NOT NULL, day TEXT NOT NULL,
  recorded BIGINT NOT NULL, person TEXT NOT NULL, by_name TEXT NOT NULL, note TEXT NOT NULL
);
CREATE INDEX agreement_event_of ON agreement_event (agreement, id);
CREATE TABLE agreement_document (
  id TEXT PRIMARY KEY, agreement TEXT NOT NULL REFERENCES agreement, name TEXT NOT NULL, size BIGINT NOT NULL,
  sha256 TEXT NOT NULL, added BIGINT NOT NULL, by_name TEXT NOT NULL
);

CREATE TABLE report (
  id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, body TEXT NOT NULL, centre TEXT NOT NULL,
  direction TEXT NOT NULL, how TEXT NOT NULL, kind TEXT NOT NULL, signs TEXT NOT NULL, happening BOOLEAN NOT NULL,
  title TEXT NOT NULL, text TEXT NOT NULL, services TEXT NOT NULL, began BIGINT NOT NULL, known BIGINT NOT NULL,
  deeds TEXT NOT NULL, caller TEXT NOT NULL, state TEXT NOT NULL, open BOOLEAN NOT NULL,
  priority TEXT NOT NULL, rank BIGINT NOT NULL,
  severity TEXT NOT NULL, level BIGINT NOT NULL, tlp TEXT NOT NULL, confidence TEXT NOT NULL, taxonomy TEXT NOT NULL,
  exercise BOOLEAN NOT NULL, author TEXT NOT NULL, author_name TEXT NOT NULL, taken_by TEXT NOT NULL,
  taken_name TEXT NOT NULL, taken_at BIGINT NOT NULL, due BIGINT NOT NULL, reminded BIGINT NOT NULL,
  escalated BIGINT NOT NULL, closed_at BIGINT NOT NULL, result TEXT NOT NULL, finding TEXT NOT NULL,
  alert TEXT NOT NULL, step BIGINT NOT NULL, version BIGINT NOT NULL, created BIGINT NOT NULL, sent BIGINT NOT NULL
);
-- The queue reads in the order in which it must be worked: one index per seat.
CREATE INDEX report_queue_centre ON report (centre, rank, due, id) WHERE open;
CREATE INDEX report_queue_all ON report (rank, due, id) WHERE open;
CREATE INDEX report_due ON report (due) WHERE state = 'ricevuta';
CREATE INDEX report_body ON report (body, id);
CREATE INDEX report_body_open ON report (body, rank, due, id) WHERE open;
CREATE INDEX report_centre ON report (centre, id);
CREATE TABLE report_event (
  id TEXT PRIMARY KEY, report TEXT NOT NULL REFERENCES report, kind TEXT NOT NULL, at BIGINT NOT NULL,
  recorded BIGINT NOT NULL, person TEXT NOT NULL, by_name TEXT NOT NULL, police BOOLEAN NOT NULL,
  private BOOLEAN NOT NULL, text TEXT NOT NULL, answers TEXT NOT NULL, open BOOLEAN NOT NULL
);
CREATE INDEX report_event_of ON report_event (report, id);
CREATE TABLE report_observable (
  id TEXT PRIMARY KEY, report TEXT NOT NULL REFERENCES report, kind TEXT NOT NULL, value TEXT NOT NULL,
  role TEXT NOT NULL, added BIGINT NOT NULL
);
CREATE INDEX report_observable_of ON report_observable (report, id);
CREATE INDEX report_observable_value ON report_observable (value, report);
CREATE TABLE report_file (
  id TEXT PRIMARY KEY, report TEXT NOT NULL REFERENCES report, name TEXT NOT NULL, size BIGINT NOT NULL,
  sha256 TEXT NOT NULL, by_name TEXT NOT NULL, added BIGINT NOT NULL
);
CREATE INDEX report_file_of ON report_file (report, id);
-- Sealed content in pieces, so that any node serves it and no row is large.
CREATE TABLE blob (
  id TEXT NOT NULL, n BIGINT NOT NULL, at BIGINT NOT NULL, data BYTEA NOT NULL, PRIMARY KEY (id, n)
);

CREATE TABLE alert (
  id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, centre TEXT NOT NULL, author TEXT NOT NULL, author_name TEXT NOT NULL,
  report TEXT NOT NULL, title TEXT NOT NULL, what TEXT NOT NULL, advice TEXT NOT NULL, tlp TEXT NOT NULL,
  priority TEXT NOT NULL, confidence TEXT NOT NULL, audience TEXT NOT NULL, state TEXT NOT NULL,
  exercise BOOLEAN NOT NULL, deadline BIGINT NOT NULL, created BIGINT NOT NULL, published BIGINT NOT NULL,
  ended BIGINT NOT NULL, reason TEXT NOT NULL, version BIGINT NOT NULL
);
CREATE INDEX alert_centre ON alert (centre, id);
CREATE TABLE alert_recipient (
  alert TEXT NOT NULL REFERENCES alert, body TEXT NOT NULL, centre TEXT NOT NULL, why TEXT NOT NULL, sent BIGINT NOT NULL,
  opened BIGINT NOT NULL, pre TEXT NOT NULL, pre_at BIGINT NOT NULL, pre_seen BIGINT NOT NULL, pre_from BIGINT NOT NULL,
  pre_logs BIGINT NOT NULL, answer TEXT NOT NULL, answered BIGINT NOT NULL, by_name TEXT NOT NULL, note TEXT NOT NULL,
  report TEXT NOT NULL, reminded BIGINT NOT NULL, PRIMARY KEY (alert, body)
);
CREATE INDEX alert_recipient_body ON alert_recipient (body, alert);
CREATE INDEX alert_recipient_centre ON alert_recipient (centre, alert);
CREATE INDEX alert_recipient_waiting ON alert_recipient (body, alert) WHERE answer = '';
CREATE TABLE indicator (
  id TEXT PRIMARY KEY, alert TEXT NOT NULL REFERENCES alert, centre TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
  tlp TEXT NOT NULL, confidence TEXT NOT NULL, state TEXT NOT NULL, valid_from BIGINT NOT NULL,
  valid_until BIGINT NOT NULL, recalled_at BIGINT NOT NULL, reason TEXT NOT NULL, exercise BOOLEAN NOT NULL,
  UNIQUE (alert, kind, value)
);
CREATE INDEX indicator_value ON indicator (value);
CREATE TABLE sighting (
  indicator TEXT NOT NULL REFERENCES indicator, body TEXT NOT NULL, centre TEXT NOT NULL, agent TEXT NOT NULL, back BOOLEAN NOT NULL,
  count BIGINT NOT NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL, log TEXT NOT NULL,
  PRIMARY KEY (indicator, agent, back)
);

-- The log of changes: seq is assigned under one lock at commit, so that a
-- reader who saw seq n never meets a smaller one later.
CREATE TABLE change (
  seq BIGINT PRIMARY KEY, kind TEXT NOT NULL, alert TEXT NOT NULL, body TEXT NOT NULL, payload TEXT NOT NULL, at BIGINT NOT NULL
);
CREATE INDEX change_alert ON change (alert, seq) WHERE alert <> '';
CREATE INDEX change_body ON change (body, seq) WHERE body <> '';

CREATE TABLE agent (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, centre TEXT NOT NULL, host TEXT NOT NULL, system TEXT NOT NULL,
  version TEXT NOT NULL, serial TEXT NOT NULL, not_after BIGINT NOT NULL, enrolled BIGINT NOT NULL, by_name TEXT NOT NULL,
  revoked BIGINT NOT NULL, revoked_by TEXT NOT NULL, last_seen BIGINT NOT NULL, seq BIGINT NOT NULL,
  applied BIGINT NOT NULL, clock_offset BIGINT NOT NULL, status TEXT NOT NULL
);
CREATE INDEX agent_body ON agent (body, id);
CREATE INDEX agent_centre ON agent (centre, last_seen, id);
CREATE TABLE enrolment (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, by_name TEXT NOT NULL, created BIGINT NOT NULL,
  expires BIGINT NOT NULL, used BIGINT NOT NULL
);
CREATE TABLE agent_settings (body TEXT PRIMARY KEY, settings TEXT NOT NULL);

CREATE TABLE finding (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, centre TEXT NOT NULL, agent TEXT NOT NULL, key TEXT NOT NULL,
  rule TEXT NOT NULL, severity TEXT NOT NULL, outcome TEXT NOT NULL, source_ip TEXT NOT NULL, count BIGINT NOT NULL,
  first_at BIGINT NOT NULL, last_at BIGINT NOT NULL, detail TEXT NOT NULL, state TEXT NOT NULL, report TEXT NOT NULL,
  recorded BIGINT NOT NULL, updated BIGINT NOT NULL, UNIQUE (agent, key)
);
CREATE INDEX finding_body ON finding (body, updated, id);
CREATE INDEX finding_centre ON finding (centre, updated, id);

CREATE TABLE audit (
  id TEXT PRIMARY KEY, at BIGINT NOT NULL, kind TEXT NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL,
  body TEXT NOT NULL, centre TEXT NOT NULL, noun TEXT NOT NULL, object TEXT NOT NULL
);
CREATE INDEX audit_object ON audit (object, id);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);

-- +goose Down
-- Migrations only go forward.
