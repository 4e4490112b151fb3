package i18n

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"
)

var hole = regexp.MustCompile(`\{\d\}`)

func TestEverySentenceExistsInBothLanguagesWithTheSameHoles(t *testing.T) {
	for _, a := range Languages {
		for _, b := range Languages {
			for key, s := range catalogs[a] {
				other, ok := catalogs[b][key]
				if !ok {
					t.Errorf("%s.json lacks %q (in %s.json: %q)", b, key, a, s)
					continue
				}
				x, y := hole.FindAllString(s, -1), hole.FindAllString(other, -1)
				sort.Strings(x)
				sort.Strings(y)
				if strings.Join(x, "") != strings.Join(y, "") {
					t.Errorf("%q has %v in %s and %v in %s", key, x, a, y, b)
				}
			}
		}
	}
}

// used finds the keys that code and pages name: literals of faults and texts.
var used = []*regexp.Regexp{
	regexp.MustCompile(`"((?:fault|report|alert|agreement|territory|agent|entry|indicator|link|hunt)\.[a-z_]+(?:\.[a-z_]+)*)"`),
	regexp.MustCompile(`\.[TN] "([a-z_]+(?:\.[a-z_0-9]+)+)"`),
	regexp.MustCompile(`\.Lines "([a-z_]+(?:\.[a-z_0-9]+)+)"`),
	regexp.MustCompile(`\.Field "[a-z]+" "[a-z-]+" "([a-z_]+(?:\.[a-z_0-9]+)+)"`),
	regexp.MustCompile(`(?:\.T|\.N)\("([a-z_]+\.[a-z_.]+[a-z_])"`),
}

func TestEverySentenceThatIsAskedForExists(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "dist" || d.Name() == ".git" || d.Name() == "build") {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(path); ext != ".html" && ext != ".go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "i18n") || strings.Contains(path, "wire") || strings.Contains(path, "logline") || strings.Contains(path, "sigma") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, re := range used {
			for _, m := range re.FindAllStringSubmatch(string(b), -1) {
				key := m[1]
				if strings.HasSuffix(key, ".html") || strings.HasSuffix(key, ".go") || key == "agent.log" {
					continue
				}
				_, whole := catalogs["it"][key]
				_, one := catalogs["it"][key+".one"]
				if !whole && !one {
					t.Errorf("%s asks for %q", path, key)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTimesAreWrittenAsPeopleSayThem(t *testing.T) {
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 13, 40, 0, 0, time.UTC)
	it := For("it")
	for at, want := range map[time.Time]string{
		now.Add(-8 * time.Minute):    "oggi alle 14:32, 8 minuti fa",
		now.Add(-15 * time.Hour):     "ieri alle 23:40, 15 ore fa",
		now.Add(-24 * 9 * time.Hour): "15 novembre 2026 alle 14:40",
		now.Add(5 * time.Minute):     "oggi alle 14:45, fra 5 minuti",
		{}:                           "non si sa",
	} {
		if got := it.Instant(at, now, rome); got != want {
			t.Errorf("%s reads %q, want %q", at, got, want)
		}
	}
	if got := it.Number(1234567); got != "1.234.567" {
		t.Errorf("1234567 reads %q", got)
	}
}
