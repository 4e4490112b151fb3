// Package wire holds the messages between an agent and its node. Both sides
// import it and nothing else of each other.
//
// The agent calls, the node never does: POST /link/v1/enrol turns a code into a
// certificate; POST /link/v1/batch carries events up; GET /link/v1/changes
// brings alerts and indicators down; GET /link/v1/stream wakes the agent. All
// but enrol need the agent's client certificate.
package wire

import (
	"encoding/json"
	"strings"
	"time"

	"filo/internal/ids"
)

// Paths of the link.
const (
	PathEnrol   = "/link/v1/enrol"
	PathBatch   = "/link/v1/batch"
	PathChanges = "/link/v1/changes"
	PathStream  = "/link/v1/stream"
	PathRenew   = "/link/v1/renew"
)

// MaxBatch is the limit of one compressed batch, in bytes; MaxBatchPlain of its
// content. A node refuses more with 413.
const (
	MaxBatch      = 1 << 20
	MaxBatchPlain = 16 << 20
)

// EnrolRequest asks for a certificate. CSR is a PEM certificate request for a
// P-256 key that never leaves the machine; its subject is ignored.
type EnrolRequest struct {
	Code    string `json:"code"`
	CSR     string `json:"csr"`
	Host    string `json:"host"`
	System  string `json:"system"` // linux/amd64
	Version string `json:"version"`
}

// EnrolResponse is what an agent keeps on disk after its enrolment.
type EnrolResponse struct {
	Agent       ids.ID    `json:"agent"`
	Body        ids.ID    `json:"body"`
	BodyName    string    `json:"body_name"`
	CentreName  string    `json:"centre_name"`
	Certificate string    `json:"certificate"` // PEM
	CA          string    `json:"ca"`          // PEM
	Link        string    `json:"link"`        // https://host:port of the authenticated endpoints
	NotAfter    time.Time `json:"not_after"`
}

// RenewRequest asks for a new certificate before the old one ends; same answer as enrol.
type RenewRequest struct {
	CSR string `json:"csr"`
}

// The kinds of events that go up.
const (
	EventFinding = "finding" // payload Finding; the same Key updates the same finding
	EventAnswer  = "answer"  // payload Answer: what the look-back says about an alert
	EventStatus  = "status"  // payload Status
	EventMatch   = "match"   // payload Match: a live line carried an indicator
	EventApplied = "applied" // payload Applied: changes are on the agent's disk
	EventEvicted = "evicted" // payload Evicted: something was dropped, and why
	EventHunt    = "hunt"    // payload HuntAnswer
	EventLines   = "lines"   // payload Lines: raw lines that a person of the body let go
)

// Event is one thing an agent tells. Seq grows by one for each event of an
// agent, for ever: the node keeps the highest it has on disk and drops what it
// has seen, so that a batch may be sent again and again.
type Event struct {
	Seq     uint64          `json:"seq"`
	Kind    string          `json:"kind"`
	At      time.Time       `json:"at"`
	Payload json.RawMessage `json:"payload"`
}

// Batch is the body of POST batch: JSON, compressed with zstd
// (Content-Encoding: zstd). Body must be the body of the certificate.
type Batch struct {
	Agent  ids.ID    `json:"agent"`
	Body   ids.ID    `json:"body"`
	Sent   time.Time `json:"sent"` // the agent's clock, to measure its offset
	Events []Event   `json:"events"`
}

// BatchAck says that every event up to Through is on the node's disk.
type BatchAck struct {
	Through uint64    `json:"through"`
	Now     time.Time `json:"now"` // the node's clock
}

// Finding is what an agent saw: attempts of one rule from one source,
// aggregated until 30 quiet minutes pass. Zero values are unknown.
type Finding struct {
	Key         string    `json:"key"` // stable while the finding grows
	Rule        string    `json:"rule"`
	Title       string    `json:"title"`
	Log         string    `json:"log"` // source name or path as the agent calls it
	Product     string    `json:"product,omitempty"`
	SourceIP    string    `json:"source_ip,omitempty"`
	Subject     string    `json:"subject,omitempty"`      // without an address: the user, device or object it is about
	SourcePorts []int     `json:"source_ports,omitempty"` // first 32 distinct
	DestIP      string    `json:"destination_ip,omitempty"`
	DestPort    int       `json:"destination_port,omitempty"`
	Users       []string  `json:"users,omitempty"` // first 32 distinct
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Count       int       `json:"count"`
	Outcome     string    `json:"outcome"`             // attempt | success
	Severity    string    `json:"severity"`            // ACN: high medium low none
	Samples     []string  `json:"samples,omitempty"`   // at most 5 raw lines, 512 bytes each, valid UTF-8
	Origins     []Origin  `json:"origins,omitempty"`   // at most 32 tuples
	Technique   string    `json:"technique,omitempty"` // ATT&CK id
	ACN         string    `json:"acn,omitempty"`       // ACN taxonomy, predicate:value
	Threat      string    `json:"threat,omitempty"`    // name of the threat, as the product calls it
	Leaves      bool      `json:"leaves,omitempty"`    // the attack goes out from us
	// Author and License of a rule that is not ours, and its id in the collection
	// it comes from: they go wherever the finding is shown (DRL 1.1).
	Author   string `json:"author,omitempty"`
	License  string `json:"license,omitempty"`
	RuleLink string `json:"rule_link,omitempty"`
	Closed   bool   `json:"closed,omitempty"` // 30 quiet minutes have passed
	Report   bool   `json:"report,omitempty"` // the threshold for a drafted report is reached
}

// Origin is what a provider needs to name a subscriber behind a shared address.
type Origin struct {
	SourceIP   string    `json:"source_ip"`
	SourcePort int       `json:"source_port,omitempty"`
	DestIP     string    `json:"destination_ip,omitempty"`
	DestPort   int       `json:"destination_port,omitempty"`
	Transport  string    `json:"transport,omitempty"`
	At         time.Time `json:"at"`
	Zone       string    `json:"zone,omitempty"` // where the offset of At comes from: "line" | "machine" | "assumed"
}

// Indicator is a value to watch for.
type Indicator struct {
	ID         ids.ID    `json:"id"`
	Kind       string    `json:"kind"` // ipv4-addr ipv6-addr network domain-name url email-addr md5 sha1 sha256 sha512
	Value      string    `json:"value"`
	ValidUntil time.Time `json:"valid_until"`
}

// The kinds of changes that come down.
const (
	ChangeAlert    = "alert"    // payload Alert: watch, look back, answer
	ChangeRecall   = "recall"   // payload Recall: stop watching
	ChangeSettings = "settings" // payload Settings of the body
	ChangeHunt     = "hunt"     // payload Hunt: look back and answer
	ChangeRelease  = "release"  // payload Release: a person of the body lets lines go
)

// Change is one row of the node's log of changes that this agent may have.
type Change struct {
	Seq     uint64          `json:"seq"`
	Kind    string          `json:"kind"`
	Payload json.RawMessage `json:"payload"`
}

// ChangesPage is the answer of GET changes?after=SEQ: ascending, at most 500.
// Next is where to go on; More says that there is more already.
type ChangesPage struct {
	Changes []Change `json:"changes"`
	Next    uint64   `json:"next"`
	More    bool     `json:"more"`
}

// Alert is a warning as an agent receives it: what to watch for, not why.
type Alert struct {
	ID         ids.ID      `json:"id"`
	Code       string      `json:"code"`
	Title      string      `json:"title"`
	TLP        string      `json:"tlp"`
	Exercise   bool        `json:"exercise,omitempty"`
	Published  time.Time   `json:"published"`
	Indicators []Indicator `json:"indicators"`
}

// Recall takes indicators back, all of an alert when Indicators is empty.
type Recall struct {
	Alert      ids.ID   `json:"alert"`
	Indicators []ids.ID `json:"indicators,omitempty"`
}

// Settings is what the people of the body chose for their agents.
type Settings struct {
	SendReports bool     `json:"send_reports"`    // send a drafted report without waiting for a person
	Allow       []string `json:"allow,omitempty"` // addresses and networks never counted
	Own         []string `json:"own,omitempty"`   // networks of the body, whose attacks leave from us
}

// Answer is what the look-back of one agent says about one alert.
// "Not seen" is worth as much as its coverage.
type Answer struct {
	Alert ids.ID    `json:"alert"`
	Seen  []Seen    `json:"seen,omitempty"`
	From  time.Time `json:"from"` // what the look-back covers
	Until time.Time `json:"until"`
	Logs  []string  `json:"logs"`  // which logs it covers
	Lines uint64    `json:"lines"` // lines read in that time
}

// Seen says that an indicator occurs in the look-back. Counts only: the lines
// stay with the Comune.
type Seen struct {
	Indicator ids.ID    `json:"indicator"`
	Count     int       `json:"count"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Log       string    `json:"log"`
}

// Match says that a new line carried a live indicator.
type Match struct {
	Indicator ids.ID    `json:"indicator"`
	Alert     ids.ID    `json:"alert"`
	At        time.Time `json:"at"`
	Log       string    `json:"log"`
	Sample    string    `json:"sample,omitempty"`
}

// Applied says that all changes through Seq are on the agent's disk and watched for.
type Applied struct {
	Seq uint64 `json:"seq"`
}

// Evicted says that the agent had to let something go: never silently.
type Evicted struct {
	What   string `json:"what"` // "history", "finding state", "spool"
	Count  int    `json:"count"`
	Reason string `json:"reason"`
}

// Status is how an agent is: sent every minute and on change.
type Status struct {
	Version string    `json:"version"`
	Host    string    `json:"host"`
	System  string    `json:"system"`
	Spooled int       `json:"spooled"`        // events that wait
	Live    int       `json:"live"`           // indicators watched for
	Disk    string    `json:"disk,omitempty"` // a trouble with the disk, in words; empty is well
	Sources []Source  `json:"sources"`
	Started time.Time `json:"started"`
	At      time.Time `json:"at,omitzero"`
	// What was given up for lack of room, and what was damaged: never silently.
	Evicted        uint64   `json:"evicted,omitempty"`         // counts and groups
	HistoryBytes   int64    `json:"history_bytes,omitempty"`   // of the look-back on disk
	HistoryEvicted int      `json:"history_evicted,omitempty"` // its segments
	Damaged        []string `json:"damaged,omitempty"`         // files set aside
}

// Source is one log that an agent reads.
type Source struct {
	Name     string    `json:"name"`
	Product  string    `json:"product,omitempty"`
	Lines    uint64    `json:"lines"`
	Parsed   uint64    `json:"parsed"`
	Unknown  uint64    `json:"unknown"`
	Matched  uint64    `json:"matched"`
	Allowed  uint64    `json:"allowed"`
	Cut      uint64    `json:"cut"` // lines longer than the limit
	LastLine time.Time `json:"last_line"`
	Trouble  string    `json:"trouble,omitempty"` // why it cannot be read now
	Checks   []Check   `json:"checks,omitempty"`
	Score    int       `json:"score,omitempty"` // log readiness, 0 to 100
	// Dropped counts what could not be taken, by reason.
	Dropped map[string]uint64 `json:"dropped,omitempty"`
	Notes   map[string]uint64 `json:"notes,omitempty"` // what is no loss and should be known
	Lag     int64             `json:"lag,omitempty"`   // bytes or records that wait
}

// Check is one line of log readiness, with the exact fix when OK is false.
type Check struct {
	Name    string `json:"name"` // source_port proxy zone clock retention
	OK      bool   `json:"ok"`
	Product string `json:"product,omitempty"` // of which it is true, in a log of several
	Seen    string `json:"seen"`              // what was found, in a few words
	Fix     string `json:"fix,omitempty"`     // lines to paste
}

// Hunt is a question to the look-back: values, or a Sigma rule over the logs
// that are still there.
type Hunt struct {
	ID       ids.ID      `json:"id"`
	Values   []Indicator `json:"values,omitempty"`
	Rule     string      `json:"rule,omitempty"`
	Until    time.Time   `json:"until"`
	Exercise bool        `json:"exercise,omitempty"`
}

// HuntAnswer is what one agent says to a hunt. Counts only.
type HuntAnswer struct {
	Hunt      ids.ID    `json:"hunt"`
	Asked     int       `json:"asked"`
	Found     []HuntHit `json:"found,omitempty"`
	Refused   []string  `json:"refused,omitempty"` // what the look-back cannot be asked, and why
	RuleCount int       `json:"rule_count,omitempty"`
	RuleFirst time.Time `json:"rule_first,omitzero"`
	RuleLast  time.Time `json:"rule_last,omitzero"`
	RuleError string    `json:"rule_error,omitempty"`
	// RuleSkipped are the sources that the rule could not be put to, or only in
	// part, each with its reason: "not seen" then speaks of part of the logs.
	RuleSkipped []string  `json:"rule_skipped,omitempty"`
	From        time.Time `json:"from,omitzero"` // what the look-back covers
	Until       time.Time `json:"until"`
	Logs        []string  `json:"logs,omitempty"`
	Lines       uint64    `json:"lines"`
	Gaps        int       `json:"gaps,omitempty"` // stretches of six hours and more in which nothing was read
}

// HuntHit is one value that was seen.
type HuntHit struct {
	Kind  string    `json:"kind"`
	Value string    `json:"value"`
	Count uint64    `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Log   string    `json:"log"`
}

// Clip keeps an answer within what a node takes: 5,000 hits, 50 refusals, logs
// and skipped sources, texts of 200 bytes.
func (a *HuntAnswer) Clip() {
	short := func(s string) string {
		return strings.ToValidUTF8(s[:min(len(s), 200)], "?")
	}
	a.Found, a.Refused, a.Logs = a.Found[:min(len(a.Found), 5000)], a.Refused[:min(len(a.Refused), 50)], a.Logs[:min(len(a.Logs), 50)]
	for i := range a.Found {
		f := &a.Found[i]
		f.Kind, f.Log = short(f.Kind), short(f.Log)
		f.Value = strings.ToValidUTF8(f.Value[:min(len(f.Value), 2048)], "?")
	}
	for i := range a.Refused {
		a.Refused[i] = short(a.Refused[i])
	}
	for i := range a.Logs {
		a.Logs[i] = short(a.Logs[i])
	}
	a.RuleSkipped = a.RuleSkipped[:min(len(a.RuleSkipped), 50)]
	for i := range a.RuleSkipped {
		a.RuleSkipped[i] = short(a.RuleSkipped[i])
	}
	a.RuleError = short(a.RuleError)
}

// Release lets an agent send lines: those in which the values of a hunt stand,
// or those kept around a finding.
type Release struct {
	Hunt    ids.ID `json:"hunt,omitempty"`
	Finding string `json:"finding,omitempty"` // key
	Most    int    `json:"most"`
}

// Lines are raw lines that a person of the body let go. Those kept around a
// finding come with the hashes of their frames and the end of the chain.
type Lines struct {
	Hunt    ids.ID   `json:"hunt,omitempty"`
	Finding string   `json:"finding,omitempty"`
	Lines   []string `json:"lines"`
	Hashes  []string `json:"hashes,omitempty"`
	Head    string   `json:"head,omitempty"`
}
