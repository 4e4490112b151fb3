// Package detection turns log lines into findings: attempts of one rule from
// one source, counted and kept together until 30 quiet minutes pass, and told
// once the rule's threshold is reached. The rules are Sigma, filo's own and those
// of others. It also keeps, at the node, what the agents found.
package detection

import (
	"container/list"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"filo/internal/logline"
	"filo/internal/sigma"
	"filo/internal/wire"
)

// Quiet is how long a source must say nothing before its finding is closed.
const Quiet = 30 * time.Minute

// Limits of what an engine keeps.
const (
	maxBuckets = 50_000
	maxSamples = 5
	maxSample  = 512
	maxMany    = 32 // ports, users, origins of one finding
)

const attempt = "attempt"

// Options of an engine; zero values do no harm.
type Options struct {
	Allow   []Allow
	Own     []netip.Prefix // networks of the Comune, beside the private ones
	Foreign *Pack          // rules of others
	// Known reports whether a visitor of a web site is somebody who was verified,
	// such as a search engine; nil: nobody is.
	Known func(source netip.Addr, agent []byte) bool
}

// Engine counts. It is not safe for several goroutines.
type Engine struct {
	Allowed uint64 // lines that the allow-list swallowed
	Evicted uint64 // counts given up for lack of room

	allow   allowList
	known   func(netip.Addr, []byte) bool
	packs   []*matching
	convert converter
	buckets map[bucketKey]*list.Element
	recent  *list.List // least recently grown first
	latest  time.Time  // of any line
	gone    []bucketKey
	near    [256]nearby // those met last
	shapes  map[shape][]*sigma.Rule
	once    []lately
	beacons *beacons
	hits    []*Rule // of the last line
	was     bool    // the last line was an attempt
}

// matching is a pack at work in one engine.
type matching struct {
	pack  *Pack
	match *sigma.Matcher
	chain *sigma.Correlator
	rules []*sigma.Rule
	found []sigma.Finding

	chained map[*sigma.Rule]bool // rules that correlations ask about
}

// New makes an engine with filo's own rules.
func New(o Options) *Engine {
	g := &Engine{buckets: map[bucketKey]*list.Element{}, recent: list.New(), shapes: map[shape][]*sigma.Rule{}, once: make([]lately, 1<<12), beacons: newBeacons()}
	for _, p := range []*Pack{Builtin(), o.Foreign} {
		if p != nil {
			g.packs = append(g.packs, &matching{pack: p, match: p.sigma.NewMatcher(), chain: p.sigma.NewCorrelator(), chained: p.chained})
		}
	}
	g.known = o.Known
	g.convert.agents = map[string]bool{}
	g.convert.clean = g.cleanAgent
	g.Set(o.Allow, o.Own)
	return g
}

// cleanAgent asks our own rules about a visitor's program alone.
func (g *Engine) cleanAgent(agent []byte) bool {
	ev := sigma.Event{Source: categories[logline.Request]}
	ev.Add(fAgent, agent)
	return len(g.packs[0].pack.sigma.NewMatcher().Match(&ev, nil)) == 0
}

// Set changes the allow-list and the Comune's own networks.
func (g *Engine) Set(allow []Allow, own []netip.Prefix) {
	clear(g.shapes)
	g.allow.set(allow)
	g.convert.own = own
}

// Feed counts one line and gives the findings that are new or grew. line is the
// raw text for the samples, log the name of the log.
func (g *Engine) Feed(e *logline.Event, line []byte, log string) []wire.Finding {
	g.hits, g.was = g.hits[:0], false
	if e.Time.After(g.latest) {
		g.latest = e.Time
	}
	if e.Source.IsValid() {
		if _, ok := g.allow.find(e.Source, e.Time); ok {
			g.Allowed++
			return nil
		}
	}
	if g.known != nil && e.Action == logline.Request && g.known(e.Source, e.Agent) {
		g.Allowed++
		return nil
	}
	g.was = Attempted(e)
	var out []wire.Finding
	for _, m := range g.packs {
		out = g.ask(m, e, line, log, out)
	}
	if e.Action == logline.Connect && e.Outcome != logline.Denied && e.Outcome != logline.Failure && e.Source.IsValid() && e.Dest.IsValid() &&
		g.convert.scope(e.Source) == inside && g.convert.scope(e.Dest) == outside && g.beacons.call(e) {
		r, _ := Builtin().Find("beacon")
		g.hits, g.was = append(g.hits, r), true
		out = g.count(r, e, line, log, out)
	}
	return out
}

// Attempted reports whether a line by itself tells of somebody who tried what he
// may not: a refused login or connection, a broken dialogue, an alarm.
func Attempted(e *logline.Event) bool {
	switch e.Action {
	case logline.Login, logline.InvalidUser, logline.Lockout, logline.Connect, logline.Mail, logline.Command:
		return e.Outcome == logline.Failure || e.Outcome == logline.Denied
	case logline.Probe, logline.Alert:
		return true
	}
	return false
}

// Last gives the rules that the last line given to Feed matched, and whether it
// is an attempt.
func (g *Engine) Last() (rules []*Rule, attempt bool) { return g.hits, g.was }

// ask asks the rules of a pack about a line, and counts.
func (g *Engine) ask(m *matching, e *logline.Event, line []byte, log string, out []wire.Finding) []wire.Finding {
	var ev *sigma.Event // made when it is needed
	var ok bool
	own := m.pack.router == nil
	rules := m.rules[:0]
	switch {
	case !own:
		if ev, ok = g.convert.foreign(e, line, m.pack.router); ok {
			rules = m.match.Match(ev, rules)
		}
	case m.pack.fixed[e.Action] && !m.pack.loose[e.Product]:
		found, _ := g.shaped(m, e, line)
		rules = append(rules, found...)
	default:
		if ev, ok = g.convert.native(e, line); ok {
			rules = m.match.Match(ev, rules)
		}
	}
	m.rules = rules
	if len(rules) == 0 {
		return out
	}
	first := len(g.hits)
	chain := rules[:0]
	for _, s := range rules {
		r := m.pack.of[s]
		if m.chained[s] && (r.Once == 0 || g.anew(r, e)) {
			chain = append(chain, s)
		}
		if !m.pack.sigma.Alone(s) {
			continue
		}
		g.hits = append(g.hits, r)
		if own && r.Severity != "none" && e.Outcome != logline.Success {
			g.was = true
		}
	}
	for _, r := range g.hits[first:] {
		if r.Unless != "" && slices.ContainsFunc(g.hits, func(x *Rule) bool { return x.ID == r.Unless && g.follows(x, e, log) }) {
			continue
		}
		if !e.Source.IsValid() && (r.Sourced || !r.Nameless && len(e.User) == 0 && r.Group == "") {
			continue // from nobody: nothing to count by
		}
		if g.follows(r, e, log) {
			out = g.count(r, e, line, log, out)
		}
	}
	if len(chain) == 0 {
		return out
	}
	if ev == nil {
		if ev, ok = g.convert.native(e, line); !ok {
			return out
		}
	}
	m.found = m.chain.Feed(chain, ev, m.found[:0])
	for i := range m.found {
		if r := m.pack.of[m.found[i].Rule]; r != nil && m.pack.sigma.Alone(r.Rule) {
			g.hits = append(g.hits, r)
			out = g.chained(r, &m.found[i], e, line, log, out)
		}
	}
	return out
}

// lately is when a rule last spoke of a source and user to the correlations.
type lately struct {
	who uint64
	at  int64
}

// anew reports whether a rule that need not repeat itself has something new to
// say. Two of whom the table holds one place take turns: that costs time alone.
func (g *Engine) anew(r *Rule, e *logline.Event) bool {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	a := e.Source.As16()
	h.Write(a[:])
	h.Write(e.User)
	h.WriteString(e.Product)
	h.WriteString(r.ID)
	who := h.Sum64()
	l := &g.once[who&uint64(len(g.once)-1)]
	at := e.Time.UnixMilli()
	if l.who == who && at >= l.at && at-l.at < r.Once.Milliseconds() {
		return false
	}
	*l = lately{who, at}
	return true
}

// follows reports whether the rule that r comes after has a finding of the same
// source.
func (g *Engine) follows(r *Rule, e *logline.Event, log string) bool {
	if r.After == "" {
		return true
	}
	before, ok := Builtin().Find(r.After)
	if !ok {
		return false
	}
	el, ok := g.buckets[keyOf(before, e, log)]
	if !ok {
		return false
	}
	b := el.Value.(*bucket)
	return b.told > 0 && e.Time.Sub(b.last) <= Quiet
}

// bucketKey is what one finding is about.
type bucketKey struct {
	rule *Rule
	log  string
	from netip.Addr
	who  string
}

func keyOf(r *Rule, e *logline.Event, log string) bucketKey {
	k := bucketKey{rule: r, log: log}
	switch r.Group {
	case "user":
		k.who = string(e.User)
	case "device":
		k.who = string(e.Device)
	case "name":
		k.who = string(e.Name)
	default:
		if k.from = e.Source; !k.from.IsValid() {
			if k.who = string(e.User); k.who == "" {
				k.who = string(e.Device)
			}
		}
	}
	if len(k.who) > 128 {
		k.who = k.who[:128]
	}
	return k
}

func (g *Engine) count(r *Rule, e *logline.Event, line []byte, log string, out []wire.Finding) []wire.Finding {
	b, out := g.bucket(keyOf(r, e, log), e.Time, out)
	b.grow(e, line)
	if r.Distinct != "" && b.told == 0 {
		if !b.fresh(e.Path) || len(b.distinct) < r.Tell {
			return out
		}
	}
	return g.tell(b, r.tell(e, b, g.convert.scope(e.Source)), out)
}

// chained counts a correlation that holds.
func (g *Engine) chained(r *Rule, f *sigma.Finding, e *logline.Event, line []byte, log string, out []wire.Finding) []wire.Finding {
	k := bucketKey{rule: r, log: log}
	for _, v := range f.Group {
		if v.Field == fSourceIP && r.Group == "" {
			k.from, _ = netip.ParseAddr(v.Value)
		} else if v.Field == fUser || v.Field == fDevice {
			k.who = v.Value
		}
	}
	b, out := g.bucket(k, f.First, out)
	b.grow(e, line)
	b.n = max(b.n, f.Events)
	if f.First.Before(b.first) {
		b.first = f.First
	}
	for _, s := range f.Samples {
		if len(b.users) < maxMany && r.Correlation != nil && slices.Contains(r.Correlation.Fields, fUser) {
			b.user([]byte(s))
		}
	}
	return g.tell(b, 1, out)
}

// nearby is a count that was met lately.
type nearby struct {
	key bucketKey
	el  *list.Element
}

func (g *Engine) nearby(k *bucketKey) *nearby {
	a := k.from.As16()
	return &g.near[(a[15] ^ a[14]<<3 ^ byte(len(k.rule.ID))<<1)]
}

func (g *Engine) find(k bucketKey) (*list.Element, bool) {
	n := g.nearby(&k)
	if n.el != nil && n.key == k {
		return n.el, true
	}
	el, ok := g.buckets[k]
	if ok {
		*n = nearby{k, el}
	}
	return el, ok
}

// bucket gives the count that goes on, or a new one.
func (g *Engine) bucket(k bucketKey, at time.Time, out []wire.Finding) (*bucket, []wire.Finding) {
	el, ok := g.find(k)
	if ok && at.Sub(el.Value.(*bucket).last) > k.rule.Quiet {
		out = g.close(el, out)
		ok = false
	}
	if !ok {
		if g.recent.Len() >= maxBuckets {
			g.Evicted++
			out = g.close(g.recent.Front(), out)
		}
		el = g.recent.PushBack(&bucket{key: k, born: at.Unix(), first: at, last: at})
		g.buckets[k] = el
	}
	g.recent.MoveToBack(el)
	return el.Value.(*bucket), out
}

// tell tells a finding at its threshold, then each time it doubled.
func (g *Engine) tell(b *bucket, threshold int, out []wire.Finding) []wire.Finding {
	n := b.count()
	r := b.key.rule
	if n < threshold || b.last.Sub(b.first) < r.Span || b.told > 0 && n < 2*b.told && (r.Report == 0 || n < r.Report || b.told >= r.Report) {
		return out
	}
	b.told = n
	return append(out, b.finding())
}

// tell lowers the threshold for sources outside, once a password was tried.
func (r *Rule) tell(e *logline.Event, b *bucket, scope string) int {
	if r.TellOutside > 0 && scope == outside && (e.Product != "sshd" || b.did(logline.Login) > 0) {
		return r.TellOutside
	}
	return r.Tell
}

// close ends a finding and gives it once more when people know of it.
func (g *Engine) close(el *list.Element, out []wire.Finding) []wire.Finding {
	b := el.Value.(*bucket)
	g.recent.Remove(el)
	delete(g.buckets, b.key)
	if n := g.nearby(&b.key); n.el == el {
		*n = nearby{}
	}
	g.gone = append(g.gone, b.key)
	if b.told == 0 {
		return out
	}
	f := b.finding()
	f.Closed = true
	return append(out, f)
}

// Grown gives the findings that grew since they were last told.
func (g *Engine) Grown() []wire.Finding {
	var out []wire.Finding
	for el := g.recent.Front(); el != nil; el = el.Next() {
		if b := el.Value.(*bucket); b.told > 0 && b.count() > b.told {
			b.told, b.dirty = b.count(), true
			out = append(out, b.finding())
		}
	}
	return out
}

// Sweep closes what has been quiet for long enough, by the time of its lines and by
// the clock here: a log may come late, or with a clock that is wrong.
func (g *Engine) Sweep(now time.Time) []wire.Finding {
	var out []wire.Finding
	for el := g.recent.Front(); el != nil; {
		next := el.Next()
		b := el.Value.(*bucket)
		if b.fed {
			b.fed, b.touched = false, now
		}
		if quiet := b.key.rule.Quiet; now.Sub(b.last) > quiet && now.Sub(b.touched) > quiet {
			out = g.close(el, out)
		}
		el = next
	}
	return out
}

// Flush gives every finding as it stands, at the end of a file.
func (g *Engine) Flush() []wire.Finding {
	var out []wire.Finding
	for el := g.recent.Front(); el != nil; {
		next := el.Next()
		out = g.close(el, out)
		el = next
	}
	return out
}

var hashSeed = maphash.MakeSeed()

// fresh reports whether a value was not counted before; enough of them are
// remembered for any threshold.
func (b *bucket) fresh(v []byte) bool {
	h := maphash.Bytes(hashSeed, v)
	if slices.Contains(b.distinct, h) {
		return false
	}
	if len(b.distinct) < 64 {
		b.distinct = append(b.distinct, h)
	}
	return true
}
