package sigma

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rule is one document of a collection: a rule about single events, or, when
// Correlation or Filter is set, one about other rules. Author and License go
// wherever a match is shown.
type Rule struct {
	ID, Name, Title string
	Status, Level   string
	Description     string
	Author, License string
	Date, Modified  string
	Taxonomy        string
	References      []string
	FalsePositives  []string
	Tags            []string // attack.t1059.001 and others
	Fields          []string // worth showing with a match
	Logsource       Logsource
	Definition      string // what the source must be set to record
	Correlation     *Correlation
	Filter          *Filter
	File            string
	Line            int
	selections      []selection
	conditions      []*cond
}

// Filter is what a site wants to hear no more of: a match of the named rules
// does not count when the filter matches too. Any stands for every rule of the
// filter's log source.
type Filter struct {
	Rules []string
	Any   bool
}

// Techniques gives the ATT&CK techniques among the tags, as T1059.001.
func (r *Rule) Techniques() []string {
	var out []string
	for _, t := range r.Tags {
		rest, ok := strings.CutPrefix(strings.ToLower(t), "attack.t")
		if ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			out = append(out, "T"+rest)
		}
	}
	return out
}

// Asks gives the fields that the rule looks at, to see what a source must
// record for it; those that only its exceptions name are among them.
func (r *Rule) Asks() []string {
	var out []string
	var visit func(*branch)
	visit = func(b *branch) {
		if b.item != nil && b.item.field != "" && !slices.Contains(out, b.item.field) {
			out = append(out, b.item.field)
		}
		for _, k := range b.kids {
			visit(k)
		}
	}
	for _, s := range r.selections {
		visit(s.root)
	}
	slices.Sort(out)
	return out
}

// Key names a rule: its id, or what else it has.
func (r *Rule) Key() string {
	switch {
	case r.ID != "":
		return r.ID
	case r.Name != "":
		return r.Name
	}
	return r.Title
}

func (r *Rule) problem(err error) Problem {
	p := Problem{File: r.File, Line: r.Line, Rule: r.Key(), What: err.Error(), Hint: "mend the rule, or leave it out"}
	var at placed
	if errors.As(err, &at) && at.line > 0 {
		p.Line = at.line
	}
	var m missing
	if errors.As(err, &m) {
		p.Hint = "give the values of this site in the configuration"
	}
	return p
}

// builder turns the text of a rule into a question.
type builder struct {
	fill  map[string][]string
	atoms int
}

// build gives what the rule asks.
func (r *Rule) build(fill map[string][]string) (*expr, error) {
	b := builder{fill: fill}
	named := map[string]*expr{}
	for _, s := range r.selections {
		e, err := b.branch(s.root)
		if err != nil {
			return nil, err
		}
		named[s.name] = &expr{op: opAnd, kids: []*expr{e}, name: s.name}
	}
	var ways []*expr
	for _, c := range r.conditions {
		e, err := r.condition(c, named)
		if err != nil {
			return nil, err
		}
		ways = append(ways, e)
	}
	return or(ways), nil
}

func (b *builder) branch(n *branch) (*expr, error) {
	if n.item != nil {
		e, err := n.item.build(b.fill)
		if err == nil {
			e.walk(func(*expr) { b.atoms++ })
		}
		if b.atoms > maxValues {
			err = placed{n.item.line, fmt.Errorf("the rule gives more than %d texts to look for", maxValues)}
		}
		return e, err
	}
	var kids []*expr
	for _, k := range n.kids {
		e, err := b.branch(k)
		if err != nil {
			return nil, err
		}
		kids = append(kids, e)
	}
	if n.any {
		return or(kids), nil
	}
	return and(kids), nil
}

// condition puts the selections in the places of their names.
func (r *Rule) condition(c *cond, named map[string]*expr) (*expr, error) {
	switch c.op {
	case "name":
		e := named[c.name]
		if e == nil {
			return nil, fmt.Errorf("the condition names %q, and there is no such selection", c.name)
		}
		return e, nil
	case "of":
		var kids []*expr
		for _, s := range r.selections {
			if matches(c.name, s.name) {
				kids = append(kids, named[s.name])
			}
		}
		switch {
		case len(kids) == 0:
			return nil, fmt.Errorf("no selection is called %q, as the condition wants", c.name)
		case c.n > len(kids):
			return nil, fmt.Errorf("the condition wants %d of %q, and there are %d", c.n, c.name, len(kids))
		case c.n == 0:
			return and(kids), nil
		case c.n == 1:
			return or(kids), nil
		}
		return &expr{op: opOf, n: c.n, kids: kids}, nil
	}
	var kids []*expr
	for _, k := range c.kids {
		e, err := r.condition(k, named)
		if err != nil {
			return nil, err
		}
		kids = append(kids, e)
	}
	switch c.op {
	case "and":
		return and(kids), nil
	case "or":
		return or(kids), nil
	}
	return not(kids[0]), nil
}
