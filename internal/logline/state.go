package logline

import (
	"net/netip"
	"strings"
)

// heads is what the lines that begin with # said about the lines behind them.
type heads struct {
	columns []string
	types   []string // Zeek: of the columns
	local   bool     // the times are those of the machine
	path    string   // Zeek: which of its logs
	product string
	sep     byte
	unset   string
	empty   string
	set     string
}

// joins remembers for a while what one line said and another one needs: the
// address of a connection whose outcome comes later. The oldest is given up.
type joins struct {
	known map[string]int
	ring  []joined
	next  int
}

const maxJoins = 1024

type joined struct {
	key  string
	kept kept
}

// kept is what is remembered of a line.
type kept struct {
	from string // address with port, as text
	user string
}

// keep remembers k under a key.
func (j *joins) keep(key []byte, k kept) {
	if len(key) == 0 || len(key) > maxName {
		return
	}
	if j.known == nil {
		j.known, j.ring = map[string]int{}, make([]joined, maxJoins)
	}
	k.from, k.user = k.from[:min(len(k.from), maxName)], k.user[:min(len(k.user), 2*maxName)]
	k.from, k.user = strings.Clone(k.from), strings.Clone(k.user)
	if i, ok := j.known[string(key)]; ok {
		j.ring[i].kept = k
		return
	}
	old := &j.ring[j.next]
	if old.key != "" {
		delete(j.known, old.key)
	}
	*old = joined{string(key), k}
	j.known[old.key] = j.next
	j.next = (j.next + 1) % maxJoins
}

// recall gives what was kept under a key.
func (j *joins) recall(key []byte) (kept, bool) {
	i, ok := j.known[string(key)]
	if !ok {
		return kept{}, false
	}
	return j.ring[i].kept, true
}

// hold gives the bytes of a string until the next Read.
func (r *Reader) hold(s string) []byte {
	from := len(r.buf)
	r.buf = append(r.buf, s...)
	return r.buf[from:]
}

// glue is hold for two pieces.
func (r *Reader) glue(a string, b []byte) []byte {
	from := len(r.buf)
	r.buf = append(append(r.buf, a...), b...)
	return r.buf[from:]
}

// previous is what is needed of the last line of syslog in case the next one
// says that it came again.
type previous struct {
	product, action, outcome string
	source                   netip.Addr
	port                     int
	user                     [64]byte
	userLen                  int
	pam                      bool
}

func (p *previous) keep(e *Event) {
	p.product, p.action, p.outcome = e.Product, e.Action, e.Outcome
	p.source, p.port = e.Source, e.SrcPort
	p.userLen = copy(p.user[:], e.User)
	p.pam = len(e.Channel) == 3 && string(e.Channel) == "pam"
}

// again reads "5 times", which old syslog daemons (BSD, some appliances) write
// instead of the line itself: the event is that of the line before.
func (r *Reader) again(b []byte) bool {
	e, p := &r.ev, &r.prev
	n := digits(b)
	times, ok := number(b[:n])
	if !ok || times < 1 || times > 1_000_000 || !starts(b[n:], " time") || p.product == "" {
		return false
	}
	e.Product, e.Repeat = p.product, times
	e.did(p.action, p.outcome)
	e.Source, e.SrcPort = p.source, p.port
	if p.userLen > 0 {
		e.User = p.user[:p.userLen]
	}
	if p.pam {
		e.Channel = pamChannel
	}
	return true
}
