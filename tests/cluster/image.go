// image: writes an OCI image archive out of layers that are plain tar files. Nothing is compressed and no layer is
// unpacked, so an image of half a gigabyte takes seconds; the same input gives the same bytes.
package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// Where containerd, and so kind, looks for an image's name in an index.
const nameAnnotation = "io.containerd.image.name"

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

type image struct {
	Name       string
	Layers     []string
	Entrypoint []string
	Env        []string
	User       string
}

// Parts of the OCI image format: https://github.com/opencontainers/image-spec.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type entry struct {
	name    string
	content []byte
	mode    int64
}

type words []string

func (w *words) String() string         { return strings.Join(*w, " ") }
func (w *words) Set(value string) error { *w = append(*w, value); return nil }

func writeImageCommand(arguments []string) error {
	var made image
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	output := flags.String("output", "", "the archive to write")
	flags.StringVar(&made.Name, "name", "", "the image's name with its tag")
	flags.Var((*words)(&made.Layers), "layer", "a tar file; again for each layer, lowest first")
	flags.Var((*words)(&made.Entrypoint), "entrypoint", "a word of the command; again for each word")
	flags.Var((*words)(&made.Env), "env", "NAME=VALUE; again for each variable")
	flags.StringVar(&made.User, "user", "", "uid:gid")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *output == "" || made.Name == "" || len(made.Layers) == 0 {
		return errors.New("image: --output, --name and at least one --layer are needed")
	}
	// Written aside first, so that an archive under its final name is always whole.
	if err := writeImage(*output+".part", made); err != nil {
		return err
	}
	return os.Rename(*output+".part", *output)
}

func writeImage(path string, made image) error {
	var layers []descriptor
	var ids []string
	for _, layer := range made.Layers {
		digest, size, err := digestFile(layer)
		if err != nil {
			return err
		}
		layers = append(layers, descriptor{MediaType: layerType, Digest: digest, Size: size})
		ids = append(ids, digest)
	}
	config, configText, err := describe(configType, map[string]any{
		"created": time.Unix(0, 0).UTC(), "architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": made.Entrypoint, "Env": made.Env, "User": made.User},
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids},
	})
	if err != nil {
		return err
	}
	top, topText, err := describe(manifestType, manifest{SchemaVersion: 2, MediaType: manifestType, Config: config, Layers: layers})
	if err != nil {
		return err
	}
	top.Annotations = map[string]string{nameAnnotation: made.Name}
	indexText, err := json.Marshal(index{SchemaVersion: 2, Manifests: []descriptor{top}})
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	err = writeEntries(file,
		entry{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644},
		entry{"index.json", indexText, 0o644},
		entry{blob(top), topText, 0o644},
		entry{blob(config), configText, 0o644})
	if err != nil {
		return err
	}
	archive := tar.NewWriter(file)
	for i, layer := range layers {
		if err := appendFile(archive, blob(layer), made.Layers[i], layer.Size); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), file.Close())
}

func describe(mediaType string, value any) (descriptor, []byte, error) {
	text, err := json.Marshal(value)
	sum := sha256.Sum256(text)
	return descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(text))}, text, err
}

func blob(d descriptor) string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

func digestFile(path string) (string, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	return fmt.Sprintf("sha256:%x", sum.Sum(nil)), size, err
}

// Writes small files as the beginning of an archive, which more may follow.
func writeEntries(to io.Writer, entries ...entry) error {
	archive := tar.NewWriter(to)
	for _, e := range entries {
		if err := archive.WriteHeader(&tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.content))}); err != nil {
			return err
		}
		if _, err := archive.Write(e.content); err != nil {
			return err
		}
	}
	return archive.Flush()
}

func appendFile(archive *tar.Writer, name, path string, size int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size}); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}
