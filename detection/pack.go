package detection

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"filo/internal/sigma"
	"filo/packs"
)

// Rule is a Sigma rule and what filo adds to it.
type Rule struct {
	*sigma.Rule
	Extra
	ID       string // of a rule of ours its name, of another its Sigma id
	Severity string // ACN: high medium low none
	Own      bool
}

// Extra is the section filo of a rule.
type Extra struct {
	// Tell is from how many attempts of one source on it is a finding; 0: 1.
	Tell int `yaml:"tell"`
	// TellOutside is the same for sources outside, once a password was tried.
	TellOutside int `yaml:"tell_outside"`
	// Report is from how many on a report is drafted; 0: never by itself.
	Report int `yaml:"report"`
	// Group says by what attempts are kept together: source (or, without one,
	// user or device), user, device, name.
	Group string `yaml:"group"`
	// Once lets a rule that serves correlations speak of the same source, user and
	// product no more often than this: enough for those that count different values.
	Once time.Duration `yaml:"once"`
	// Sourced leaves lines out that name no source, because others of the same
	// attempt do.
	Sourced bool `yaml:"sourced"`
	// Nameless counts lines that name no source and no user too, by device.
	Nameless bool `yaml:"nameless"`
	// Distinct counts only attempts with different values of this field until the
	// finding is told: path.
	Distinct string `yaml:"distinct"`
	// Quiet is how long a source must say nothing before its finding is closed; 0: Quiet.
	Quiet time.Duration `yaml:"quiet"`
	// Span is how far apart the first and the last attempt must be before it is told.
	Span time.Duration `yaml:"span"`
	// After names a rule: this one counts only while the same source has a finding of it.
	After string `yaml:"after"`
	// Unless names a rule: this one does not count when that one does.
	Unless string `yaml:"unless"`
	// Outcome is attempt, unless it says success.
	Outcome string `yaml:"outcome"`
	// ACN is the value of the ACN taxonomy, predicate:value.
	ACN string `yaml:"acn"`
	// Leaves says that the attack goes out from us.
	Leaves bool `yaml:"leaves"`
	// Yes and No are lines on which the rule must and must not match.
	Yes []string `yaml:"yes"`
	No  []string `yaml:"no"`
}

// Pack is a set of rules ready for use. It does not change and may serve many
// engines.
type Pack struct {
	Rules   []*Rule // in the order of the files; those that only serve correlations have Extra zero
	sigma   *sigma.Engine
	router  *sigma.Router // of rules from elsewhere; nil: events come as Own makes them
	of      map[*sigma.Rule]*Rule
	byID    map[string]*Rule
	chained map[*sigma.Rule]bool // rules that correlations ask about
	fixed   map[string]bool      // actions whose rules ask for fields of few values alone
	loose   map[string]bool      // products with rules about any action that ask for others
}

var severities = map[string]string{"critical": "high", "high": "high", "medium": "medium", "low": "low"}

// Builtin gives filo's own rules.
func Builtin() *Pack { return builtin() }

var builtin = sync.OnceValue(func() *Pack {
	p, err := own(packs.Rules)
	if err != nil {
		panic(fmt.Sprintf("the rules that come with filo: %v", err)) // a test reads them all
	}
	return p
})

func own(files fs.FS) (*Pack, error) {
	names, err := fs.Glob(files, "rules/*.yml")
	if err != nil {
		return nil, err
	}
	var rules []*sigma.Rule
	extras := map[string]Extra{}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		list, problems := sigma.ReadRules(strings.NewReader(string(b)), name, "AGPL-3.0-or-later")
		if len(problems) > 0 {
			return nil, fmt.Errorf("%s:%d: %s: %s", name, problems[0].Line, problems[0].Rule, problems[0].What)
		}
		rules = append(rules, list...)
		if err := readExtras(string(b), extras); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, r := range rules {
		if r.Author == "" {
			r.Author = "filo"
		}
	}
	engine, problems := sigma.Compile(rules, sigma.Options{})
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", problems[0].Rule, problems[0].What)
	}
	p := &Pack{sigma: engine}
	for _, r := range rules {
		p.Rules = append(p.Rules, &Rule{Rule: r, Extra: extras[r.Name], ID: r.Name, Severity: severityOf(r.Level), Own: true})
	}
	p.fixed, p.loose = map[string]bool{}, map[string]bool{}
	many := func(r *sigma.Rule) bool {
		return slices.ContainsFunc(r.Asks(), func(f string) bool { return !fewValues[f] })
	}
	for action, src := range categories {
		p.fixed[action] = !slices.ContainsFunc(rules, func(r *sigma.Rule) bool { return r.Logsource.Category == src.Category && many(r) })
	}
	for _, r := range rules {
		if r.Correlation == nil && r.Logsource.Category == "" && many(r) {
			p.loose[r.Logsource.Product] = true
		}
	}
	return p.index()
}

func readExtras(file string, into map[string]Extra) error {
	d := yaml.NewDecoder(strings.NewReader(file))
	for {
		var doc struct {
			Name string
			Filo Extra
		}
		if err := d.Decode(&doc); err != nil {
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
		into[doc.Name] = doc.Filo
	}
}

func severityOf(level string) string {
	if s := severities[level]; s != "" {
		return s
	}
	return "none"
}

func (p *Pack) index() (*Pack, error) {
	p.of, p.byID, p.chained = map[*sigma.Rule]*Rule{}, map[string]*Rule{}, map[*sigma.Rule]bool{}
	for _, r := range p.Rules {
		if r.Tell == 0 {
			r.Tell = 1
		}
		if r.Quiet == 0 {
			r.Quiet = Quiet
		}
		if r.Outcome == "" {
			r.Outcome = attempt
		}
		p.of[r.Rule] = r
		p.byID[r.ID] = r
	}
	for _, r := range p.Rules {
		if r.Correlation == nil {
			continue
		}
		for _, x := range p.Rules {
			p.chained[x.Rule] = p.chained[x.Rule] || slices.Contains(r.Correlation.Rules, x.Name) || slices.Contains(r.Correlation.Rules, x.Rule.ID)
		}
	}
	for _, r := range p.Rules {
		for _, name := range []string{r.After, r.Unless} {
			if name != "" && p.byID[name] == nil {
				return nil, fmt.Errorf("%s names the rule %q, which is not there", r.ID, name)
			}
		}
	}
	return p, nil
}

// Foreign compiles Sigma rules of others: a folder of the public collection, or
// of the Comune's own. sources says what this host records; nil is anything.
// What a rule lacks is told, and the other rules watch.
func Foreign(rules []*sigma.Rule, placeholders map[string][]string, sources []sigma.Logsource) (*Pack, []sigma.Problem, error) {
	router, err := sigma.NewRouter()
	if err != nil {
		return nil, nil, err
	}
	engine, problems := sigma.Compile(rules, sigma.Options{Placeholders: placeholders, Sources: sources})
	p := &Pack{sigma: engine, router: router}
	for _, r := range slices.Concat(engine.Rules(), engine.Correlations()) {
		p.Rules = append(p.Rules, &Rule{Rule: r, ID: r.Key(), Severity: severityOf(r.Level), Extra: Extra{Nameless: true}})
	}
	p, err = p.index()
	return p, problems, err
}

// Stats counts what was compiled.
func (p *Pack) Stats() sigma.Stats { return p.sigma.Stats() }

// Find gives a rule by its id.
func (p *Pack) Find(id string) (*Rule, bool) {
	r, ok := p.byID[id]
	return r, ok
}
