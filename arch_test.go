// Package filo holds no code: its tests keep the house in order.
package filo

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

type pkg struct {
	dir     string
	imports map[string]bool // without those of tests
	doc     int
	files   map[string]*ast.File
}

// packages parses every package of the module.
func packages(t *testing.T) map[string]*pkg {
	t.Helper()
	out := map[string]*pkg{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "dist") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		p := out[dir]
		if p == nil {
			p = &pkg{dir: dir, imports: map[string]bool{}, files: map[string]*ast.File{}}
			out[dir] = p
		}
		p.files[path] = f
		if f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != "" {
			p.doc++
		}
		for _, i := range f.Imports {
			s, _ := strconv.Unquote(i.Path.Value)
			p.imports[s] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func floors(t *testing.T) map[string]int {
	t.Helper()
	f, err := os.Open("floors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]int{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && line[0] != '#' {
			var n int
			var name string
			if _, err := fmt.Sscan(line, &n, &name); err != nil {
				t.Fatalf("floors.txt: %q: %v", line, err)
			}
			out[name] = n
		}
	}
	return out
}

// floorOf finds the line for a package: its own, or that of a folder above it.
func floorOf(m map[string]int, dir string) (int, string, bool) {
	for d := dir; d != "." && d != ""; d = filepath.ToSlash(filepath.Dir(d)) {
		if n, ok := m[d]; ok {
			return n, d, true
		}
	}
	return 0, "", false
}

func TestAPackageImportsOnlyLowerFloors(t *testing.T) {
	m := floors(t)
	for dir, p := range packages(t) {
		if dir == "." {
			continue
		}
		here, own, ok := floorOf(m, dir)
		if !ok {
			t.Errorf("%s has no floor: add a line to floors.txt", dir)
			continue
		}
		for i := range p.imports {
			to, inside := strings.CutPrefix(i, "filo/")
			if !inside {
				continue
			}
			there, other, ok := floorOf(m, to)
			if ok && there >= here && other != own {
				t.Errorf("%s (floor %d) imports %s (floor %d)", dir, here, to, there)
			}
		}
	}
}

func TestEveryPackageSaysOnceWhatItIs(t *testing.T) {
	for dir, p := range packages(t) {
		if dir != "." && p.doc != 1 {
			t.Errorf("%s has %d package comments, want one", dir, p.doc)
		}
	}
}

func TestDomainsKnowNoClockNoSQLAndNoWeb(t *testing.T) {
	m := floors(t)
	for dir, p := range packages(t) {
		if n, _, ok := floorOf(m, dir); !ok || n < 2 || n > 5 || strings.HasPrefix(dir, "internal/") && dir != "internal/flow" {
			continue
		}
		for _, i := range []string{"database/sql", "net/http"} {
			if p.imports[i] {
				t.Errorf("%s imports %s", dir, i)
			}
		}
		for path, f := range p.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Since" || s.Sel.Name == "Sleep") {
						t.Errorf("%s uses time.%s: take the time from a clock", path, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// reads without a viewer: each with the reason.
var viewerless = map[string]string{
	"agent.Store.Changes":       "scoped by the body of the certificate",
	"agent.Store.Recalls":       "scoped by the body of the certificate",
	"agent.Store.AddChange":     "write",
	"agent.Store.UseEnrolment":  "the code is the right",
	"alert.Store.Publish":       "write",
	"entry.Store.Invitation":    "the code is the right",
	"entry.Store.UseInvitation": "the code is the right",
	"entry.Store.Session":       "the token is the right",
	"entry.Store.Sessions":      "asked with the person of the session",
	"entry.Store.Passkeys":      "asked with the person of the session",
	"entry.Store.RecoveryLeft":  "asked with the person of the session",
	"entry.Store.Tokens":        "asked with the person of the session",
	"entry.Store.UseToken":      "the token is the right",
	"entry.Store.Tries":         "counts of the node itself",
	"report.Store.Seal":         "write",
}

func TestEveryReadOfAStoreTakesAViewer(t *testing.T) {
	for dir, p := range packages(t) {
		for _, f := range p.files {
			ast.Inspect(f, func(n ast.Node) bool {
				ts, ok := n.(*ast.TypeSpec)
				if !ok || ts.Name.Name != "Store" {
					return true
				}
				it, ok := ts.Type.(*ast.InterfaceType)
				if !ok {
					return true
				}
				for _, mth := range it.Methods.List {
					fn, ok := mth.Type.(*ast.FuncType)
					if !ok || fn.Results == nil || len(fn.Results.List) < 2 {
						continue
					}
					name := filepath.Base(dir) + ".Store." + mth.Names[0].Name
					if !takesViewer(fn) && viewerless[name] == "" {
						t.Errorf("%s reads without a Viewer", name)
					}
				}
				return true
			})
		}
	}
}

func takesViewer(fn *ast.FuncType) bool {
	for _, p := range fn.Params.List {
		if s, ok := p.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Viewer" {
			return true
		}
	}
	return false
}

// edgeModules may be pulled in by the agent's side, each with the reason.
var edgeModules = map[string]string{
	"filo":                             "ourselves",
	"github.com/gaissmai/bart":         "networks among the indicators",
	"github.com/klauspost/compress":    "zstd of batches and kept lines",
	"github.com/cespare/xxhash/v2":     "through compress",
	"github.com/netsampler/goflow2/v2": "decoders of NetFlow, IPFIX and sFlow, and nothing else of it",
	"golang.org/x/text":                "names of places are not needed, encodings of logs are",
	"golang.org/x/net":                 "punycode of names, proxies",
	"github.com/FastFilter/xorfilter":  "filters of the look-back's segments",
	"golang.org/x/sys":                 "disk space, file identity on Windows, mapped segments",
	"golang.org/x/crypto":              "through the standard library's TLS",
	"go.yaml.in/yaml/v3":               "Sigma rules and their routing are YAML",
}

func TestTheAgentDoesNotPullInTheServer(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./internal/edge/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, mod := range strings.Fields(string(out)) {
		if edgeModules[mod] == "" {
			t.Errorf("the agent's side pulls in %s: give the reason in edgeModules or do without", mod)
		}
	}
	deps, err := exec.Command("go", "list", "-deps", "./internal/edge/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"filo/internal/store", "filo/internal/web", "filo/internal/api"} {
		if regexp.MustCompile(`(?m)^` + p + `$`).Match(deps) {
			t.Errorf("the agent's side pulls in %s", p)
		}
	}
}

// Each direct dependency, with the reason why filo does not do it itself.
var modules = map[string]string{
	"github.com/go-jose/go-jose/v4":      "tests: signs as a provider of OpenID Connect does, Apache-2.0",
	"filippo.io/age":                     "sealing of uploads, BSD-3",
	"github.com/VictoriaMetrics/metrics": "Prometheus metrics, small, MIT",
	"github.com/FastFilter/xorfilter":    "binary fuse filters of the look-back, Apache-2.0",
	"github.com/chromedp/cdproto":        "tests: browser protocol, MIT",
	"github.com/chromedp/chromedp":       "tests: real browser, MIT",
	"github.com/coreos/go-oidc/v3":       "OpenID Connect, Apache-2.0",
	"github.com/danielgtaylor/huma/v2":   "REST with OpenAPI 3.1 from Go types, MIT",
	"github.com/evanw/esbuild":           "bundles scripts at build time, MIT",
	"github.com/gaissmai/bart":           "network prefixes, MIT",
	"github.com/go-webauthn/webauthn":    "passkeys, BSD-3",
	"github.com/jackc/pgx/v5":            "PostgreSQL, MIT",
	"github.com/klauspost/compress":      "zstd, BSD-3",
	"github.com/netsampler/goflow2/v2":   "decoders of NetFlow, IPFIX and sFlow, which draw in nothing else, BSD-3",
	"github.com/pquerna/otp":             "one-time codes, Apache-2.0",
	"github.com/pressly/goose/v3":        "migrations, MIT",
	"github.com/spf13/cobra":             "command line, Apache-2.0",
	"go.yaml.in/yaml/v3":                 "Sigma rules with the place of each mistake; maintained by the YAML project, MIT and Apache-2.0",
	"github.com/rogpeppe/go-internal":    "tests: the command line is specified by scripts, BSD-3",
	"golang.org/x/crypto":                "argon2id, BSD-3",
	"golang.org/x/net":                   "names in other alphabets, BSD-3",
	"golang.org/x/oauth2":                "OpenID Connect, BSD-3",
	"golang.org/x/sys":                   "mapped files, Windows services and event log, BSD-3",
	"golang.org/x/text":                  "languages and encodings, BSD-3",
	"modernc.org/sqlite":                 "the embedded database, pure Go, BSD-3",
}

func TestEveryDependencyHasItsReason(t *testing.T) {
	b, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(b), -1) {
		used[m[1]] = true
		if modules[m[1]] == "" {
			t.Errorf("%s stands in go.mod without a reason in arch_test.go", m[1])
		}
	}
	for m := range modules {
		if !used[m] {
			t.Errorf("%s has a reason in arch_test.go and no place in go.mod", m)
		}
	}
}

func TestTheEmbeddedDatabaseRunsOnItsOwnLibc(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "modernc.org/sqlite").Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(`modernc.org/libc (v\S+)`)
	w, h := re.FindSubmatch(want), re.FindSubmatch(have)
	if w == nil || h == nil || string(w[1]) != string(h[1]) {
		t.Errorf("go.mod has modernc.org/libc %s, modernc.org/sqlite was made for %s", h, w)
	}
}

func TestTheGlossaryNamesEveryDomainType(t *testing.T) {
	b, err := os.ReadFile("docs/GLOSSARIO.md")
	if err != nil {
		t.Fatal(err)
	}
	m := floors(t)
	for dir, p := range packages(t) {
		if n, _, ok := floorOf(m, dir); !ok || n < 2 || n > 4 || strings.HasPrefix(dir, "internal/") {
			continue
		}
		for _, f := range p.files {
			for _, d := range f.Decls {
				g, ok := d.(*ast.GenDecl)
				if !ok || g.Tok != token.TYPE {
					continue
				}
				for _, s := range g.Specs {
					name := s.(*ast.TypeSpec).Name.Name
					if !ast.IsExported(name) || name == "Store" || name == "Desk" || name == "Filter" {
						continue
					}
					if !strings.Contains(string(b), "`"+filepath.Base(dir)+"."+name+"`") {
						t.Errorf("docs/GLOSSARIO.md has no row for `%s.%s`", filepath.Base(dir), name)
					}
				}
			}
		}
	}
}
