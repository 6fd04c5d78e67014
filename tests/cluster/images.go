// load: puts image archives into the cluster's container runtime. An image whose every name is already there is left
// out, so names must change with the contents.
package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const pauseImage = "localhost/pause:1"

func load(ctx context.Context, c *cluster, archives []string) error {
	if err := c.runtimeAnswers(ctx); err != nil {
		return fmt.Errorf("cluster %q does not run, start it with \"up\": %w", c.Name, err)
	}
	output, err := exec.CommandContext(ctx, "ctr", "-a", c.runtimeSocket(), "-n", "k8s.io", "images", "ls", "-q").Output()
	if err != nil {
		return fmt.Errorf("listing images: %w", err)
	}
	present := strings.Fields(string(output))
	for _, archive := range archives {
		names, err := archiveNames(archive)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(present, name) }) {
			continue
		}
		if err := run(ctx, "", "ctr", "-a", c.runtimeSocket(), "-n", "k8s.io", "images", "import", archive); err != nil {
			return err
		}
		fmt.Println("loaded", strings.Join(names, " "))
	}
	return nil
}

// The image of every pod's sandbox lies beside this program.
func loadPause(ctx context.Context, c *cluster) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	archive := filepath.Join(filepath.Dir(self), "pause.tar")
	return run(ctx, "", "ctr", "-a", c.runtimeSocket(), "-n", "k8s.io", "images", "import", archive)
}

// The names that an archive gives its images, in either of the two usual layouts.
func archiveNames(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for archive := tar.NewReader(file); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: no image archive: it has neither index.json nor manifest.json", path)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		switch header.Name {
		case "index.json":
			var found struct {
				Manifests []struct{ Annotations map[string]string }
			}
			if err := json.NewDecoder(archive).Decode(&found); err != nil {
				return nil, fmt.Errorf("%s: index.json: %w", path, err)
			}
			var names []string
			for _, manifest := range found.Manifests {
				names = append(names, manifest.Annotations["io.containerd.image.name"])
			}
			return names, nil
		case "manifest.json":
			var found []struct{ RepoTags []string }
			if err := json.NewDecoder(archive).Decode(&found); err != nil {
				return nil, fmt.Errorf("%s: manifest.json: %w", path, err)
			}
			var names []string
			for _, image := range found {
				names = append(names, image.RepoTags...)
			}
			return names, nil
		}
	}
}
