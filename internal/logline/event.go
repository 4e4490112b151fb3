// Package logline reads one line of a log: which of the products that a Comune
// has at its edge wrote it, when, who did what from where, and with what
// outcome. A technician throws the logs of firewall, mail server, domain
// controller and web site at it without saying which is which; what comes out
// is the same Event for all of them, so that one rule counts password guessing
// on the VPN and on the web mail alike.
//
// The parsers are written by hand and work on the bytes. Whoever connects to a
// machine chooses user names, paths and names of all kinds, and so writes into
// its log: an address is only ever taken from the place where the product
// itself writes it.
//
// The package is large because the products are many: each, or each close
// family, is read in a file of its own over the shared engines (syslog, kv,
// json, xml, csv, cef, w3c and form, for wordings in plain text), and only
// dispatch.go, program.go, keyed.go and record.go know them all. A new product
// is one such file, one case there, a row in products.go and a line in the
// tables of the tests.
package logline

import (
	"net/netip"
	"time"
)

// Event is what one line says. Zero values are unknown. The slices point into
// the line or into buffers of the Reader: they are good until its next Read.
type Event struct {
	Time  time.Time
	Zone  string        // where the offset of Time comes from: ZoneLine, ZoneProduct or ZoneMachine
	Slack time.Duration // how uncertain Time is beyond that: a second for stamps in seconds

	Product string // id in the table of products
	Device  []byte // host or serial number that wrote the line
	Process []byte // program, as syslog names it

	Source    netip.Addr
	SrcPort   int
	Dest      netip.Addr
	DestPort  int
	NATSource netip.Addr // what Source was translated to
	NATPort   int
	Proto     string // tcp, udp, icmp, …

	User       []byte
	UserDomain []byte
	Action     string // one of the actions below
	Outcome    string // one of the outcomes below, or empty
	Repeat     int    // how many times the line says it happened; at least 1
	Level      string // the product's own verdict: low, medium, high, or empty

	Method, Host, Path, Agent, Referer []byte // of web requests; Path with its query
	Status                             int

	Name    []byte // DNS name asked for, sender of a mail, file or object acted on, command
	Threat  []byte // signature or name of the threat
	ID      int    // Windows event id, number of a Cisco message, …
	Channel []byte // Windows channel, or the product's own sub-log
	Fields  []Field
}

// Field is a named value of a record, decoded, under the product's own name.
type Field struct {
	Name  string
	Value []byte
}

// Where the offset of an Event's time comes from.
const (
	ZoneLine    = "line"    // the stamp carries it
	ZoneProduct = "product" // another field of the record says it
	ZoneMachine = "machine" // assumed: the zone that the Reader was given
)

// Actions, the same for all products.
const (
	Login       = "login"        // somebody tried to authenticate; the Outcome says with what result
	InvalidUser = "invalid_user" // a name was tried that does not exist
	Logout      = "logout"
	Lockout     = "lockout" // an account or an address was shut out
	Connect     = "connect" // a flow through or at a firewall or a service; Denied when blocked
	Probe       = "probe"   // a connection without an honest step of the protocol
	Request     = "request" // web
	Query       = "query"   // DNS
	Mail        = "mail"    // a message or a transaction; Denied when refused
	Command     = "command" // a process, a command under sudo or in a shell
	Change      = "change"  // account, configuration, service, log cleared: Name says what
	Alert       = "alert"   // verdict of an IDS, antivirus, EDR, web filter: Threat, Level
	Close       = "close"
	Other       = "other"
)

// Outcomes.
const (
	Success = "success"
	Failure = "failure"
	Denied  = "denied"
)

// Field gives the value of a field, or nil.
func (e *Event) Field(name string) []byte {
	for i := range e.Fields {
		if e.Fields[i].Name == name {
			return e.Fields[i].Value
		}
	}
	return nil
}

func (e *Event) did(action, outcome string) { e.Action, e.Outcome = action, outcome }
