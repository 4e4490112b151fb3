package logline

import "bytes"

// exchange reads the tables of Exchange: SMTP receive and send, IMAP and POP,
// message tracking. The columns come from the #Fields line, or from the shape of
// the row when reading began in the middle of a file.
func (r *Reader) exchange(b []byte, rest []byte) bool {
	e := &r.ev
	c := r.split(b, ',')
	if len(c) < 8 {
		return false
	}
	e.Product = "exchange"
	switch {
	case r.exchangeColumns(c):
		return true
	case len(c) <= 10 && has(c[4], ":") && has(c[5], ":") && len(c[6]) == 1:
		r.exchangeSMTP(c[1], c[2], c[4], c[5], c[6], c[7], at(c, 8))
	case len(c) >= 11 && has(c[3], ":") && has(c[4], ":"):
		r.exchangeIMAP(c)
	case len(c) >= 20:
		r.exchangeTracking(c[1], c[2], c[3], c[7], c[8], at(c, 12), at(c, 18), at(c, 19))
	default:
		return false
	}
	return true
}

// exchangeColumns reads a row whose columns a head has named.
func (r *Reader) exchangeColumns(c [][]byte) bool {
	h := &r.heads
	if h.product != "exchange" || len(h.columns) < 8 || len(c) < 8 {
		return false
	}
	get := func(names ...string) []byte {
		for _, n := range names {
			for i, have := range h.columns {
				if have == n && i < len(c) {
					return c[i]
				}
			}
		}
		return nil
	}
	for i := range min(len(h.columns), len(c)) {
		if len(r.fields) < maxFields {
			r.fields = append(r.fields, Field{h.columns[i], c[i]})
			r.roles = append(r.roles, noRole)
		}
	}
	switch {
	case get("local-endpoint") != nil:
		r.exchangeSMTP(get("connector-id"), get("session-id"), get("local-endpoint"), get("remote-endpoint"), get("event"), get("data"), get("context"))
	case get("sIp") != nil:
		r.exchangeIMAP(c)
	case get("event-id") != nil:
		r.exchangeTracking(get("client-ip"), get("client-hostname"), get("server-ip"), get("source"), get("event-id"), get("recipient-address"), get("message-subject"), get("sender-address"))
	default:
		return false
	}
	return true
}

// exchangeSMTP reads one step of a session. A failed log-in names no user in its
// own line: the name that the client sent is remembered by session.
func (r *Reader) exchangeSMTP(connector, session, local, remote, event, data, context []byte) {
	e := &r.ev
	e.Channel, e.Action, e.Proto = connector, Other, "tcp"
	e.from(remote)
	e.to(local)
	if len(event) == 0 {
		return
	}
	switch event[0] {
	case '+':
		e.did(Connect, Success)
	case '-':
		e.Action = Close
	case '>':
		switch {
		case starts(data, "535 "):
			e.did(Login, Failure)
			if k, ok := r.joins.recall(session); ok && e.User == nil {
				e.User = r.hold(k.user)
			}
		case starts(data, "235 "):
			e.did(Login, Success)
		case starts(data, "550 5.7."), starts(data, "554 5.7."), starts(data, "530 5.7."), starts(data, "421 4.7."):
			e.did(Mail, Denied)
		case starts(data, "5"):
			e.did(Mail, Failure)
		case starts(data, "250 2.6.0"):
			e.did(Mail, Success)
		}
	case '<':
		switch {
		case hasFold(data[:min(len(data), 10)], "mail from:"):
			e.did(Mail, "")
			e.Name = between(data, "<", ">")
		case hasFold(data[:min(len(data), 5)], "auth "):
			e.did(Other, "")
		}
	case '*':
		if has(context, "authenticated") || has(data, "SMTPSubmit") {
			e.did(Login, Success)
			e.person(data)
		}
		if u := sub(context, "User Name: "); u != nil {
			u = bytes.TrimRight(wordUntil(u), ";.")
			r.joins.keep(session, kept{user: string(u)})
			e.person(u)
		}
		if has(context, "Inbound authentication failed") {
			e.did(Other, Failure) // the answer to the client counts as the attempt
		}
	}
}

// exchangeIMAP reads a step of IMAP4 or POP3: time, session, number, own end,
// other end, user, …, command, parameters, context.
func (r *Reader) exchangeIMAP(c [][]byte) {
	e := &r.ev
	e.Action, e.Proto = Other, "tcp"
	e.to(c[3])
	e.from(c[4])
	e.person(c[5])
	cmd, context := at(c, 9), at(c, 11)
	e.Method = cmd
	e.Channel = imapChannel
	if e.DestPort == 110 || e.DestPort == 995 {
		e.Channel = popChannel
	}
	switch {
	case fold(cmd, "authenticate"), fold(cmd, "login"), fold(cmd, "auth"), fold(cmd, "pass"), fold(cmd, "user"):
		e.did(Login, Success)
		if fold(cmd, "user") {
			e.Action = Other
		}
		if hasFold(context, "authfailed") || hasFold(context, "logondenied") || has(context, " NO ") || has(context, "-ERR") {
			e.did(Login, Failure)
		}
		if u := between(context, "User: ", "\""); e.User == nil && u != nil {
			e.person(u)
		}
	case fold(cmd, "opensession"):
		e.did(Connect, Success)
	case fold(cmd, "closesession"), fold(cmd, "logout"), fold(cmd, "quit"):
		e.Action = Close
	}
}

var (
	imapChannel = []byte("imap")
	popChannel  = []byte("pop3")
)

func (r *Reader) exchangeTracking(clientIP, clientHost, serverIP, source, event, recipient, subject, sender []byte) {
	e := &r.ev
	e.did(Mail, Success)
	e.Channel = event
	e.from(clientIP)
	e.to(serverIP)
	e.Host = clientHost
	e.Name = sender
	if len(r.fields) == 0 {
		r.add("source", source)
		r.add("recipient-address", recipient)
		r.add("message-subject", subject)
	}
	switch string(event) {
	case "FAIL", "BADMAIL", "DSN":
		e.Outcome = Failure
	case "HAREDIRECTFAIL", "THROTTLE", "AGENTINFO":
		e.Outcome = ""
	}
}
