// Package static holds the styles, fonts, icons and script that `make assets`
// bundled, under addresses that change with their content.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed all:dist
var files embed.FS

var version = func() string {
	h := sha256.New()
	_ = fs.WalkDir(files, "dist", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := files.ReadFile(path)
			h.Write(b)
		}
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:12]
}()

// URL gives the address of a file, with its version.
func URL(name string) string { return "/static/" + name + "?v=" + version }

// Built reports whether the binary carries the styles.
func Built() bool { _, err := files.Open("dist/app.css"); return err == nil }

// Handler serves the files; they may be kept for a year, since their address
// changes with them.
func Handler() http.Handler {
	sub, _ := fs.Sub(files, "dist")
	h := http.StripPrefix("/static/", http.FileServerFS(sub))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		h.ServeHTTP(w, r)
	})
}
