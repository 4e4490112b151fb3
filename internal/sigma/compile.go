package sigma

import (
	"fmt"
	"slices"
	"sync"
)

// Options of a compilation.
type Options struct {
	Placeholders map[string][]string // what the site gives for %name%
	Mapping      *Mapping            // nil: the one that comes with the program
	Sources      []Logsource         // what this host records; nil: anything
}

// Engine is a set of rules ready to be matched. It does not change any more and
// may serve many goroutines, each through a Matcher of its own.
type Engine struct {
	buckets []*bucket
	fields  map[string]int32
	mapping *Mapping
	rules   []*Rule
	linked  []*Rule // correlations
	silent  map[*Rule]bool
	plans   sync.Map // Logsource → *plan
	planned sync.Mutex
	nplans  int
}

// bucket holds the rules of one log source.
type bucket struct {
	source Logsource
	rules  []*Rule
	exprs  []*expr
	autos  map[int32]*finder // by field; -1: all fields, for keywords
	nbits  int
	first  []uint32 // where the rules of a bit begin in wakes
	wakes  []int32  // rules worth a look once a bit is set
	always []uint64 // rules that no literal wakes
	sleep  int      // how many those are
}

// Stats says what a compilation gave.
type Stats struct {
	Rules, Correlations int
	Always              int // rules looked at for every event of their source
	Buckets, Literals   int
	AutomatonBytes      int
}

// Compile makes an engine of rules. What keeps a rule from watching is told in
// the problems: a placeholder without a value, a source that this host does not
// record, a name of another rule that is not there.
func Compile(rules []*Rule, o Options) (*Engine, []Problem) {
	c := &compiler{o: o, ids: map[string]*Rule{}, unfed: map[Logsource]int{}, open: map[Logsource]*build{}}
	c.e = &Engine{fields: map[string]int32{}, mapping: o.Mapping, silent: map[*Rule]bool{}}
	if c.e.mapping == nil {
		m, err := DefaultMapping()
		if err != nil {
			c.problems = append(c.problems, Problem{What: err.Error(), Hint: "give another mapping"})
			m = &Mapping{}
		}
		c.e.mapping = m
	}
	single := c.index(rules)
	c.link()
	filters := c.filters(rules)
	for _, r := range single {
		c.add(r, filters[r])
	}
	c.tellUnfed()
	c.tellDeaf()
	for _, b := range c.order {
		c.e.buckets = append(c.e.buckets, b.finish())
	}
	return c.e, c.problems
}

// Rules gives the rules that watch.
func (e *Engine) Rules() []*Rule { return e.rules }

// Correlations gives the correlations among the rules.
func (e *Engine) Correlations() []*Rule { return e.linked }

// Alone reports whether a match of a rule is worth telling by itself; one that
// only serves correlations is not.
func (e *Engine) Alone(r *Rule) bool { return !e.silent[r] }

// Stats counts.
func (e *Engine) Stats() Stats {
	s := Stats{Rules: len(e.rules), Correlations: len(e.linked), Buckets: len(e.buckets)}
	for _, b := range e.buckets {
		s.Always += b.sleep
		s.Literals += b.nbits
		for _, a := range b.autos {
			s.AutomatonBytes += a.size()
		}
	}
	return s
}

type compiler struct {
	o        Options
	e        *Engine
	ids      map[string]*Rule // by id and name
	links    []*Rule
	unfed    map[Logsource]int
	open     map[Logsource]*build
	order    []*build
	problems []Problem
}

// index takes in the names of rules and gives those about single events.
func (c *compiler) index(rules []*Rule) []*Rule {
	var single []*Rule
	for _, r := range rules {
		if r.ID != "" {
			if first := c.ids[r.ID]; first != nil {
				c.problems = append(c.problems, Problem{
					File: r.File, Line: r.Line, Rule: r.ID,
					What: fmt.Sprintf("the id is that of %q in %s too", first.Title, first.File), Hint: "give one of them another id",
				})
				continue
			}
			c.ids[r.ID] = r
		}
		if r.Name != "" && c.ids[r.Name] == nil {
			c.ids[r.Name] = r
		}
		switch {
		case r.Correlation != nil:
			c.links = append(c.links, r)
		case r.Filter == nil:
			single = append(single, r)
		}
	}
	return single
}

// link keeps the correlations all of whose rules are there and that do not name
// themselves, and decides which rules speak only through them.
func (c *compiler) link() {
	loud := map[*Rule]bool{}
	for _, r := range c.links {
		if err := c.complete(r, map[*Rule]bool{}); err != nil {
			c.problems = append(c.problems, Problem{File: r.File, Line: r.Line, Rule: r.Key(), What: err.Error(), Hint: "load the named rules together with the correlation"})
			continue
		}
		c.e.linked = append(c.e.linked, r)
		for _, name := range r.Correlation.Rules {
			if r.Correlation.Generate {
				loud[c.ids[name]] = true
			}
			c.e.silent[c.ids[name]] = true
		}
	}
	for r := range loud {
		delete(c.e.silent, r)
	}
}

func (c *compiler) complete(r *Rule, above map[*Rule]bool) error {
	if above[r] {
		return fmt.Errorf("the correlation leads back to itself through %s", r.Key())
	}
	if len(above) > maxDepth {
		return fmt.Errorf("correlations stand on one another more than %d deep", maxDepth)
	}
	above[r] = true
	defer delete(above, r)
	for _, name := range r.Correlation.Rules {
		to := c.ids[name]
		if to == nil || to.Filter != nil {
			return fmt.Errorf("there is no rule %q", name)
		}
		if to.Correlation != nil {
			if err := c.complete(to, above); err != nil {
				return err
			}
		}
	}
	return nil
}

// filters gives, for each rule, the filters that are about it.
func (c *compiler) filters(rules []*Rule) map[*Rule][]*Rule {
	out := map[*Rule][]*Rule{}
	for _, f := range rules {
		if f.Filter == nil {
			continue
		}
		if _, err := f.build(c.o.Placeholders); err != nil {
			c.problems = append(c.problems, f.problem(err))
			continue
		}
		if f.Filter.Any {
			for _, r := range rules {
				if f.Logsource.feeds(r.Logsource, c.e.mapping) {
					out[r] = append(out[r], f)
				}
			}
			continue
		}
		for _, name := range f.Filter.Rules {
			r := c.ids[name]
			switch {
			case r == nil:
				c.problems = append(c.problems, Problem{File: f.File, Line: f.Line, Rule: f.Key(), What: fmt.Sprintf("there is no rule %q to filter", name), Hint: "take the name out of the filter, or load the rule"})
			case r.Correlation != nil || r.Filter != nil || !f.Logsource.feeds(r.Logsource, c.e.mapping):
				c.problems = append(c.problems, Problem{File: f.File, Line: f.Line, Rule: f.Key(), What: fmt.Sprintf("rule %q is not about the filter's log source %s", name, f.Logsource), Hint: "write a filter for each log source"})
			default:
				out[r] = append(out[r], f)
			}
		}
	}
	return out
}

// usable refuses what the rule itself says that it cannot be used for.
func (c *compiler) usable(r *Rule) error {
	if r.Status == "unsupported" {
		return fmt.Errorf("its author calls the rule unsupported")
	}
	if r.Taxonomy != "" && r.Taxonomy != "sigma" && c.o.Mapping == nil {
		return fmt.Errorf("the rule names fields as the taxonomy %q does: it wants a mapping of its own", r.Taxonomy)
	}
	return nil
}

// add puts a rule into its bucket.
func (c *compiler) add(r *Rule, filters []*Rule) {
	e, err := r.build(c.o.Placeholders)
	if err == nil {
		err = c.usable(r)
	}
	if err != nil {
		c.problems = append(c.problems, r.problem(err))
		return
	}
	for _, f := range filters {
		if fe, err := f.build(c.o.Placeholders); err == nil {
			e = &expr{op: opAnd, kids: []*expr{e, not(&expr{op: opAnd, kids: []*expr{fe}, name: "filter: " + f.Title})}}
		}
	}
	if !c.fed(r.Logsource) {
		c.unfed[r.Logsource]++
		return
	}
	b := c.open[r.Logsource]
	if b == nil {
		b = &build{e: c.e, b: &bucket{source: r.Logsource, autos: map[int32]*finder{}}, bits: map[litKey]int32{}, pats: map[int32][]pattern{}}
		c.open[r.Logsource] = b
		c.order = append(c.order, b)
	}
	b.add(r, e)
	c.e.rules = append(c.e.rules, r)
}

func (c *compiler) fed(l Logsource) bool {
	return c.o.Sources == nil || slices.ContainsFunc(c.o.Sources, func(s Logsource) bool { return l.feeds(s, c.e.mapping) })
}

func (c *compiler) tellUnfed() {
	var all []Logsource
	for l := range c.unfed {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b Logsource) int {
		if n := c.unfed[b] - c.unfed[a]; n != 0 {
			return n
		}
		return slices.Compare([]string{a.String()}, []string{b.String()})
	})
	for _, l := range all {
		c.problems = append(c.problems, Problem{What: "no source of this host feeds the rules about " + l.String(), Hint: "record that source, or leave it so", Count: c.unfed[l]})
	}
}

// tellDeaf tells of correlations that wait for rules that do not watch here.
func (c *compiler) tellDeaf() {
	watching := map[*Rule]bool{}
	for _, r := range c.e.rules {
		watching[r] = true
	}
	for _, r := range c.e.linked {
		for _, name := range r.Correlation.Rules {
			if to := c.ids[name]; to.Correlation == nil && !watching[to] {
				c.problems = append(c.problems, Problem{
					File: r.File, Line: r.Line, Rule: r.Key(),
					What: fmt.Sprintf("the correlation waits for rule %q, which does not watch here", name), Hint: "see what that rule lacks",
				})
			}
		}
	}
}

// litKey names a literal within a bucket.
type litKey struct {
	field      int32
	start, end bool
	text       string
}

// build is a bucket under construction.
type build struct {
	e     *Engine
	b     *bucket
	bits  map[litKey]int32
	pats  map[int32][]pattern
	woken [][]int32 // bit → rules
}

func (e *Engine) field(name string) int32 {
	if name == "" {
		return -1
	}
	n, ok := e.fields[name]
	if !ok {
		n = int32(len(e.fields))
		e.fields[name] = n
	}
	return n
}

func (b *build) add(r *Rule, e *expr) {
	e.walk(func(x *expr) {
		if a := x.atom; a != nil && x.op == opAtom {
			a.fieldNo = b.e.field(a.field)
			if a.ref != "" {
				a.refNo = b.e.field(a.ref)
			}
			a.bit = b.literal(a)
		}
	})
	no := int32(len(b.b.rules))
	b.b.rules = append(b.b.rules, r)
	b.b.exprs = append(b.b.exprs, e)
	wakers, _, ok := e.wakers()
	if no>>6 >= int32(len(b.b.always)) {
		b.b.always = append(b.b.always, 0)
	}
	if !ok {
		b.b.always[no>>6] |= 1 << (no & 63)
		b.b.sleep++
		return
	}
	for _, bit := range wakers {
		if w := b.woken[bit]; len(w) == 0 || w[len(w)-1] != no {
			b.woken[bit] = append(w, no)
		}
	}
}

// literal gives the bit of the text that an atom needs, -1 if it needs none.
func (b *build) literal(a *atom) int32 {
	if len(a.need.text) == 0 {
		return -1
	}
	k := litKey{a.fieldNo, a.need.start, a.need.end, string(a.need.text)}
	bit, ok := b.bits[k]
	if !ok {
		bit = int32(len(b.bits))
		b.bits[k] = bit
		b.pats[k.field] = append(b.pats[k.field], pattern{a.need.text, k.start, k.end, bit})
		b.woken = append(b.woken, nil)
	}
	return bit
}

func (b *build) finish() *bucket {
	out := b.b
	out.nbits = len(b.bits)
	for field, pats := range b.pats {
		out.autos[field] = newFinder(pats)
	}
	out.first = make([]uint32, 0, len(b.woken)+1)
	for _, w := range b.woken {
		out.first = append(out.first, uint32(len(out.wakes)))
		out.wakes = append(out.wakes, w...)
	}
	out.first = append(out.first, uint32(len(out.wakes)))
	out.wakes = slices.Clip(out.wakes)
	return out
}

// wakers gives the bits one of which is set whenever the expression holds, and
// what they cost: many and short texts are set often. ok is false when there
// are no such bits; a negation never gives any.
func (e *expr) wakers() (bits []int32, cost float64, ok bool) {
	switch e.op {
	case opAtom:
		if e.atom.bit < 0 {
			return nil, 0, false
		}
		return []int32{e.atom.bit}, e.atom.cost(), true
	case opNot:
		return nil, 0, false
	case opAnd:
		for _, k := range e.kids {
			if b, c, can := k.wakers(); can && (!ok || c < cost) {
				bits, cost, ok = b, c, true
			}
		}
		return bits, cost, ok
	}
	// At least n of the kids hold: among all but n-1 of them is one that does.
	n := 1
	if e.op == opOf {
		n = e.n
	}
	type way struct {
		bits []int32
		cost float64
	}
	var ways []way
	for _, k := range e.kids {
		if b, c, can := k.wakers(); can {
			ways = append(ways, way{b, c})
		}
	}
	want := len(e.kids) - n + 1
	if len(ways) < want {
		return nil, 0, false
	}
	slices.SortStableFunc(ways, func(a, b way) int {
		switch {
		case a.cost < b.cost:
			return -1
		case a.cost > b.cost:
			return 1
		}
		return 0
	})
	for _, w := range ways[:want] {
		bits = append(bits, w.bits...)
		cost += w.cost
	}
	return bits, cost, true
}

// plentiful are fields whose values come again and again: a rule is rather woken
// by what is done than by the program that does it.
var plentiful = set("Image", "ParentImage", "OriginalFileName", "SourceImage", "TargetImage", "User", "ParentUser", "EventID",
	"Details", "GrantedAccess", "CallTrace", "TargetUserName", "SubjectUserName", "Description", "CurrentDirectory")

// constant are fields of so few values that their length says nothing.
var constant = set("Channel", "Provider_Name", "Initiated", "LogonType", "EventType", "IntegrityLevel", "Company", "Product",
	"Signed", "SignatureStatus", "Status", "Protocol", "Level", "AuthenticationPackageName", "LogonProcessName")

func set(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

// cost guesses how often an atom's literal wakes its rule for nothing.
func (a *atom) cost() float64 {
	l := float64(len(a.need.text))
	if a.need.start {
		l += 3
	}
	if a.need.end {
		l += 3
	}
	switch {
	case constant[a.field]:
		l = 1
	case plentiful[a.field]:
		l /= 3
	}
	return 1 / (l * l)
}
