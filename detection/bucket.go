package detection

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"filo/internal/logline"
	"filo/internal/wire"
)

// bucket is what one rule counted of one source. There may be tens of thousands:
// it holds what cannot be worked out.
type bucket struct {
	key         bucketKey
	born        int64 // second of the first line counted: with the key it names the finding
	first, last time.Time
	product     string
	zone        string
	kinds       []kind    // one attempt may leave several kinds of lines
	n           int       // at least so many
	told        int       // the count that was last told
	dirty       bool      // changed since Changed
	fed         bool      // grew since the last Sweep
	touched     time.Time // when Sweep last found that it grew, by the clock of this machine
	dest        netip.Addr
	destPort    int
	proto       string
	ports       []uint16
	at          []int64 // when each port was seen, in microseconds
	users       []string
	samples     []string
	distinct    []uint64
	threat      string
}

// kind counts lines of one action, told apart by the product's own sub-log: of
// sshd the lines of PAM are another kind.
type kind struct {
	Action, Channel string
	N               int
}

// count is the number of attempts: sshd writes up to three lines about one, so
// that the most frequent kind is the number.
func (b *bucket) count() int {
	n := b.n
	for _, k := range b.kinds {
		n = max(n, k.N)
	}
	return n
}

// did gives how many lines of an action were counted.
func (b *bucket) did(action string) int {
	n := 0
	for _, k := range b.kinds {
		if k.Action == action {
			n += k.N
		}
	}
	return n
}

const maxKinds = 8

func (b *bucket) kind(action string, channel []byte, n int) {
	for i := range b.kinds {
		if k := &b.kinds[i]; k.Action == action && (k.Channel == string(channel) || len(b.kinds) == maxKinds) {
			k.N += n
			return
		}
	}
	if len(b.kinds) < maxKinds {
		b.kinds = append(b.kinds, kind{action, string(channel), n})
	}
}

func (b *bucket) grow(e *logline.Event, line []byte) {
	b.dirty, b.fed = true, true
	if e.Product == "sshd" {
		b.kind(e.Action, e.Channel, e.Repeat)
	} else {
		b.kind("", nil, e.Repeat)
	}
	if e.Time.After(b.last) {
		b.last = e.Time
	}
	if e.Time.Before(b.first) {
		b.first = e.Time
	}
	b.product, b.zone = e.Product, e.Zone
	if e.SrcPort > 0 && len(b.ports) < maxMany && !slices.Contains(b.ports, uint16(e.SrcPort)) {
		b.ports = append(b.ports, uint16(e.SrcPort))
		b.at = append(b.at, e.Time.UnixMicro())
	}
	if e.Dest.IsValid() {
		b.dest, b.destPort = e.Dest, e.DestPort
	}
	if e.Proto != "" {
		b.proto = e.Proto
	}
	if b.threat == "" && len(e.Threat) > 0 {
		b.threat = valid(e.Threat, 128)
	}
	b.user(e.User)
	if len(b.samples) < maxSamples && (b.told > 0 || len(b.samples) < 2) {
		b.samples = append(b.samples, valid(line, maxSample))
	}
}

func (b *bucket) user(name []byte) {
	if len(name) == 0 || len(b.users) >= maxMany {
		return
	}
	for _, u := range b.users {
		if u == string(name) {
			return
		}
	}
	if u := valid(name, 128); !slices.Contains(b.users, u) {
		b.users = append(b.users, u)
	}
}

func valid(b []byte, most int) string {
	return strings.ToValidUTF8(string(b[:min(len(b), most)]), "?")
}

// finding gives what is told of it.
func (b *bucket) finding() wire.Finding {
	r := b.key.rule
	f := wire.Finding{
		Key: b.name(), Rule: r.ID, Title: r.Title, Log: b.key.log, Product: b.product, DestPort: b.destPort, Users: slices.Clone(b.users),
		First: b.first, Last: b.last, Count: b.count(), Outcome: r.Outcome, Severity: r.Severity, Samples: slices.Clone(b.samples),
		ACN: r.ACN, Leaves: r.Leaves, Threat: b.threat,
	}
	if t := r.Techniques(); len(t) > 0 {
		f.Technique = t[0]
	}
	if !r.Own {
		f.Author, f.License, f.RuleLink = r.Author, r.License, r.Rule.ID
	}
	f.Report = r.Report > 0 && f.Count >= r.Report
	if b.key.from.IsValid() {
		f.SourceIP = b.key.from.String()
	} else {
		f.Subject = b.key.who
	}
	if b.dest.IsValid() {
		f.DestIP = b.dest.String()
	}
	for i, p := range b.ports {
		f.SourcePorts = append(f.SourcePorts, int(p))
		proto := b.proto
		if proto == "" {
			proto = "tcp"
		}
		f.Origins = append(f.Origins, wire.Origin{
			SourceIP: f.SourceIP, SourcePort: int(p), DestIP: f.DestIP, DestPort: f.DestPort, Transport: proto, At: time.UnixMicro(b.at[i]).UTC(), Zone: b.zone,
		})
	}
	return f
}

// name is stable while a finding grows.
func (b *bucket) name() string {
	who := b.key.who
	if b.key.from.IsValid() {
		who = b.key.from.String()
	}
	return fmt.Sprintf("%s|%s|%s|%d", b.key.rule.ID, b.key.log, who, b.born)
}
