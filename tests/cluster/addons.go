// Puts the objects of config/addons.yaml into the API server by server-side apply: cluster DNS, pod metrics, storage.
package main

import (
	"bytes"
	"context"
	"errors"
	"io"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

func applyAddons(ctx context.Context, c *cluster) error {
	config, err := c.client()
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	text, err := render(c, "addons.yaml")
	if err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		kind, _ := apimeta.UnsafeGuessKindToResource(object.GroupVersionKind())
		var resource dynamic.ResourceInterface = client.Resource(kind)
		if object.GetNamespace() != "" {
			resource = client.Resource(kind).Namespace(object.GetNamespace())
		}
		options := meta.ApplyOptions{FieldManager: "companion-cluster", Force: true}
		if _, err := resource.Apply(ctx, object.GetName(), object, options); err != nil {
			return err
		}
	}
}
