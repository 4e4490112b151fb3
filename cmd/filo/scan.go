package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filo/detection"
	"filo/internal/clock"
	"filo/internal/edge"
	"filo/internal/logline"
	"filo/internal/sigma"
	"filo/internal/watch"

	"github.com/spf13/cobra"
)

// scanFlags are what `filo scan` is asked for.
type scanFlags struct {
	format, zone, indicators, hunt, html, lang string
	rules, allow, own                          []string
	events, explain, products                  bool
}

func scanCmd() *cobra.Command {
	var f scanFlags
	c := &cobra.Command{
		Use:   "scan FILES|DIR|-",
		Short: "Look for attacks in logs, without any server",
		Long: "Reads logs of any product that filo knows (see --products), also compressed, in whole folders, or as EVTX,\n" +
			"tells who tried to get in, and says what the logs lack to find them. Nothing leaves the machine.\n\n" +
			"Exit code 0: nothing grave; 1: a success, something grave or an indicator was found; 2: nothing could be read.",
		Example: "  filo scan /var/log/auth.log\n" +
			"  filo scan --format json /var/log/*.log | jq .source_ip\n" +
			"  filo scan --html relazione.html /var/log        # to hand to a mayor\n" +
			"  filo scan --indicators elenco.txt /var/log      # plain list, CSV, STIX bundle, MISP event\n" +
			"  filo scan --explain - < una-riga.txt            # why a line counts, or does not\n" +
			"  journalctl -u ssh | filo scan -",
		RunE: func(c *cobra.Command, args []string) error {
			if f.products {
				return printProducts(c.OutOrStdout(), f.format)
			}
			if f.hunt != "" {
				return huntOld(c, f)
			}
			if len(args) == 0 {
				return fmt.Errorf("no log to read: name files, a folder, or - for standard input")
			}
			return f.run(c, args)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "text", "text, or json: one finding a line")
	fl.BoolVar(&f.events, "events", false, "print every line as one JSON object instead: what was read, who, with what outcome, which rules")
	fl.BoolVar(&f.explain, "explain", false, "say of every line why it counts, or does not: rules, fields, counts, allow-list")
	fl.BoolVar(&f.products, "products", false, "list the products whose logs are understood, and what each yields")
	fl.StringVar(&f.indicators, "indicators", "", "look for the values of this file too: plain list, CSV, STIX bundle, MISP event")
	fl.StringVar(&f.hunt, "hunt", "", "ask the look-back of the agent in this folder for the values of --indicators, instead of reading logs")
	fl.StringVar(&f.html, "html", "", "write a report for people into this file")
	fl.StringVar(&f.lang, "lang", "it", "language of the report: it, en")
	fl.StringArrayVar(&f.rules, "rules", nil, "a file or folder of Sigma rules to use beside filo's own (again for each)")
	fl.StringSliceVar(&f.allow, "allow", nil, "addresses and networks that are never counted")
	fl.StringSliceVar(&f.own, "own", nil, "networks of your own: attacks from there leave from you")
	fl.StringVar(&f.zone, "zone", "Europe/Rome", "time zone of lines that name none")
	return c
}

func (f scanFlags) scan(c *cobra.Command) (*edge.Scan, error) {
	if f.format != "text" && f.format != "json" {
		return nil, fmt.Errorf("--format %s: text or json", f.format)
	}
	if f.lang != "it" && f.lang != "en" {
		return nil, fmt.Errorf("--lang %s: it or en", f.lang)
	}
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return nil, fmt.Errorf("--zone %s: no time zone of that name; it looks like Europe/Rome", f.zone)
	}
	s := &edge.Scan{Clock: clock.System{}, Stdin: c.InOrStdin(), Zone: zone}
	for _, a := range f.allow {
		p, err := detection.ParseAllow(a)
		if err != nil {
			return nil, fmt.Errorf("--allow %s: no address and no network", a)
		}
		s.Options.Allow = append(s.Options.Allow, detection.Allow{Network: p, Reason: "--allow"})
	}
	for _, a := range f.own {
		p, err := detection.ParseAllow(a)
		if err != nil {
			return nil, fmt.Errorf("--own %s: no address and no network", a)
		}
		s.Options.Own = append(s.Options.Own, p)
	}
	if len(f.rules) > 0 {
		if s.Options.Foreign, err = foreignRules(c.ErrOrStderr(), f.rules); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (f scanFlags) run(c *cobra.Command, args []string) error {
	s, err := f.scan(c)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(c.OutOrStdout(), 64<<10)
	defer out.Flush()
	if f.indicators != "" {
		in, err := readIndicators(c.ErrOrStderr(), f.indicators)
		if err != nil {
			return err
		}
		dir, err := os.MkdirTemp("", "filo-scan-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if s.Look, err = edge.NewLookout(dir, in); err != nil {
			return err
		}
		defer s.Look.Close()
	}
	switch {
	case f.events:
		s.Each = eventsTo(out)
	case f.explain:
		s.Each = explainTo(out)
	case f.format == "text":
		s.Progress = func(file string, n uint64) { fmt.Fprintf(c.ErrOrStderr(), "\r%s: %d lines", file, n) }
	}
	s.Files(args)
	if f.html != "" {
		if err := writeReport(f.html, f.lang, s); err != nil {
			return err
		}
	}
	if f.events || f.explain {
		return scanCode(c.ErrOrStderr(), s)
	}
	if f.format == "json" {
		if err := scanJSON(out, s); err != nil {
			return err
		}
	} else {
		scanText(out, s)
	}
	return scanCode(c.ErrOrStderr(), s)
}

// scanCode tells what could not be read, and gives the exit code.
func scanCode(w io.Writer, s *edge.Scan) error {
	for _, t := range s.Troubles {
		fmt.Fprintln(w, "filo: "+t)
	}
	if len(s.Sources) == 0 {
		return exit(2)
	}
	if len(s.Hits) > 0 {
		return exit(1)
	}
	for _, f := range s.Findings {
		if f.Severity == "high" || f.Outcome == "success" {
			return exit(1)
		}
	}
	return nil
}

func readIndicators(w io.Writer, path string) (watch.Indicators, error) {
	r, err := os.Open(path)
	if err != nil {
		return watch.Indicators{}, err
	}
	defer r.Close()
	in, err := watch.ReadIndicators(r)
	if err != nil {
		return in, fmt.Errorf("%s: %w", path, err)
	}
	for i, p := range in.Problems {
		if i == 5 {
			fmt.Fprintf(w, "filo: %s: and %d more\n", path, len(in.Problems)-5)
			break
		}
		fmt.Fprintf(w, "filo: %s, %s: %s\n", path, p.Where, p.What)
	}
	if len(in.Entries) == 0 {
		return in, fmt.Errorf("%s holds no indicator that can be looked for", path)
	}
	return in, nil
}

// foreignRules reads Sigma rules of others and says what they lack.
func foreignRules(w io.Writer, paths []string) (*detection.Pack, error) {
	var rules []*sigma.Rule
	var problems []sigma.Problem
	for _, p := range paths {
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if ext := filepath.Ext(path); !d.Type().IsRegular() || ext != ".yml" && ext != ".yaml" {
				return nil
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			list, bad := sigma.ReadRules(f, path, "DRL-1.1")
			rules, problems = append(rules, list...), append(problems, bad...)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("--rules %s: %w", p, err)
		}
	}
	pack, more, err := detection.Foreign(rules, nil, nil)
	if err != nil {
		return nil, err
	}
	problems = append(problems, more...)
	for i, p := range problems {
		if i == 5 {
			fmt.Fprintf(w, "filo: rules: and %d more problems\n", len(problems)-5)
			break
		}
		fmt.Fprintf(w, "filo: rules: %s %s: %s; %s\n", p.File, p.Rule, p.What, p.Hint)
	}
	st := pack.Stats()
	fmt.Fprintf(w, "filo: rules: %d loaded, %d of them correlations; %d problems\n", st.Rules+st.Correlations, st.Correlations, len(problems))
	return pack, nil
}

// eventRow is a line as `filo scan --events` prints it; what is not known is absent.
type eventRow struct {
	Product  string     `json:"product,omitempty"`
	Time     *time.Time `json:"time,omitempty"`
	SourceIP string     `json:"source_ip,omitempty"`
	SrcPort  int        `json:"source_port,omitempty"`
	DestIP   string     `json:"destination_ip,omitempty"`
	DestPort int        `json:"destination_port,omitempty"`
	User     string     `json:"user,omitempty"`
	Action   string     `json:"action,omitempty"`
	Outcome  string     `json:"outcome,omitempty"`
	Attempt  bool       `json:"attempt"`
	Rules    []string   `json:"rules,omitempty"`
	Severity string     `json:"severity,omitempty"`
	Line     string     `json:"line"`
}

var severityRank = map[string]int{"none": 1, "low": 2, "medium": 3, "high": 4}

func eventsTo(w io.Writer) func(edge.Line) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(l edge.Line) {
		e := l.Event
		r := eventRow{
			Product: e.Product, SrcPort: e.SrcPort, DestPort: e.DestPort, User: strings.ToValidUTF8(string(e.User), "?"),
			Action: e.Action, Outcome: e.Outcome, Attempt: l.Attempt, Line: strings.ToValidUTF8(string(l.Raw), "?"),
		}
		if !e.Time.IsZero() {
			r.Time = &e.Time
		}
		if e.Source.IsValid() {
			r.SourceIP = e.Source.String()
		}
		if e.Dest.IsValid() {
			r.DestIP = e.Dest.String()
		}
		for _, x := range l.Rules {
			r.Rules = append(r.Rules, x.ID)
			if severityRank[x.Severity] > severityRank[r.Severity] {
				r.Severity = x.Severity
			}
		}
		_ = enc.Encode(r) // a broken pipe ends the program
	}
}

func explainTo(w io.Writer) func(edge.Line) {
	return func(l edge.Line) {
		fmt.Fprintf(w, "line        %s\n", printable(strings.ToValidUTF8(string(l.Raw[:min(len(l.Raw), 300)]), "?")))
		for _, s := range l.Engine.Explain(l.Event, l.Raw, l.Log) {
			fmt.Fprintln(w, printable(s))
		}
		fmt.Fprintln(w)
	}
}

func scanJSON(w io.Writer, s *edge.Scan) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, r := range s.Rows() {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	for _, h := range s.Hits {
		if err := enc.Encode(h); err != nil {
			return err
		}
	}
	return nil
}

func scanText(w io.Writer, s *edge.Scan) {
	for _, src := range s.Sources {
		fmt.Fprintf(w, "%s  %d lines, %d understood (%s), %d unknown, readiness %d of 100\n", src.Name, src.Lines, src.Parsed, src.Product, src.Unknown, src.Score)
	}
	if len(s.Findings) == 0 {
		fmt.Fprintln(w, "\nNo attempt found.")
	} else {
		fmt.Fprintf(w, "\n%-24s %-39s %6s  %-16s  %s\n", "WHAT", "FROM", "COUNT", "LAST (UTC)", "USERS")
	}
	for _, f := range s.Findings {
		users := strings.Join(f.Users[:min(len(f.Users), 4)], ", ")
		if len(f.Users) > 4 {
			users += fmt.Sprintf(", … (%d)", len(f.Users))
		}
		mark := ""
		if f.Severity == "high" {
			mark = "   ← look at this first"
		}
		fmt.Fprintf(w, "%-24s %-39s %6d  %-16s  %s%s\n", f.Rule, f.SourceIP, f.Count, f.Last.Format("2006-01-02 15:04"), printable(users), mark)
		if f.Author != "" {
			fmt.Fprintf(w, "%-24s %s\n", "", printable(fmt.Sprintf("%s - by %s, %s", f.Title, f.Author, f.License)))
		}
	}
	for _, h := range s.Hits {
		fmt.Fprintf(w, "\nindicator %s seen %d times in %s, last %s\n  %s\n", printable(h.Indicator), h.Count, h.Log, h.Last.Format("2006-01-02 15:04"), printable(h.Sample))
	}
	for _, src := range s.Sources {
		for _, k := range src.Checks {
			if !k.OK && k.Fix != "" {
				fmt.Fprintf(w, "\n%s: %s (%s). Fix:\n%s\n", src.Name, lacks[k.Name], k.Seen, k.Fix)
			}
		}
	}
}

var lacks = map[string]string{
	"source_port": "the source port is not recorded: nobody behind a shared address can be found",
	"zone":        "lines do not say their time zone",
	"clock":       "the clock is off",
	"retention":   "days of log kept: fewer than 90",
	"proxy":       "a proxy stands before it: the real client is not recorded",
}

// printable keeps what a log line carries from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 32 || r == 127 || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

func printProducts(w io.Writer, format string) error {
	if format == "json" {
		return json.NewEncoder(w).Encode(logline.Products)
	}
	fmt.Fprintf(w, "%-18s %-34s %-10s %s\n", "ID", "PRODUCT", "FAMILY", "YIELDS")
	for _, p := range logline.Products {
		fmt.Fprintf(w, "%-18s %-34s %-10s %s\n", p.ID, p.Name, p.Family, p.Yields)
	}
	return nil
}
